"""`/v1/models`, `/health`, `/ready` and `/metrics`: what is here, and whether it works."""

from anyio import to_thread
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from videollama.serve.answer_schemas import Model, ModelList, Status, error_responses
from videollama.serve.api_errors import ApiError
from videollama.serve.decoding import DecodePool
from videollama.serve.metrics import Metrics
from videollama.serve.model_host import ModelHost


def model_routes(host: ModelHost, pool: DecodePool, metrics: Metrics) -> APIRouter:
    """The routes that answer at once.

    Args:
        host: The model.
        pool: Its restarts are counted.
        metrics: What `/metrics` shows.
    """
    router = APIRouter()

    def model() -> Model:
        return Model(id=host.name, created=host.created)

    @router.get("/health")
    async def health() -> Status:
        """That the process answers."""
        return Status(status="alive")

    @router.get("/ready", responses=error_responses(503))
    async def ready() -> Status:
        """That the model is loaded, and what writes its answers is there."""
        await to_thread.run_sync(host.check)
        return Status(status="ready")

    @router.get("/metrics", responses=error_responses(401))
    async def metrics_page() -> Response:
        """Counts and times for Prometheus."""
        metrics.ready.set(await _is_ready(host))
        metrics.decoder_restarts.set(pool.num_restarts)
        return Response(metrics.page(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/v1/models", responses=error_responses(401))
    async def list_models() -> ModelList:
        """The models that can be named; there is one."""
        return ModelList(data=[model()])

    # A hub's name holds a slash.
    @router.get("/v1/models/{model_id:path}", responses=error_responses(401, 404))
    async def get_model(model_id: str) -> Model:
        """One model."""
        if model_id != host.name:
            raise ApiError(
                404, f"There is no model of that name here; use {host.name!r}.", param="model"
            )
        return model()

    return router


async def _is_ready(host: ModelHost) -> bool:
    try:
        await to_thread.run_sync(host.check)
    except ApiError:
        return False
    return True
