"""Stage `finetune`: any model learns from annotated files in any known format."""
