"""Any number of files, on one machine or a Ray cluster, into Parquet; a stopped run goes on."""

from videollama.batch.options import BatchOptions
from videollama.batch.run import BatchProgress, BatchReport, run_batch

__all__ = ["BatchOptions", "BatchProgress", "BatchReport", "run_batch"]
