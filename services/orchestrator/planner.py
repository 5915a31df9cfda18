"""Plans a wish: by patterns where they are sure, else by a language model where one is set and works."""

import logging
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter

from services.orchestrator.catalog import Catalog
from services.orchestrator.localtime import local_now
from services.orchestrator.model import ModelFailed, ModelPlanner
from services.orchestrator.patterns import PatternPlanner
from services.orchestrator.protocol import Plan

log = logging.getLogger(__name__)

PLANS = Counter("orchestrator_plans", "Plans made", ["by", "tool"])

CONFIDENT = 0.9
"""From here on patterns explain all but a word or two, and a model would only cost time."""


class Planner:
    """The one place that decides who plans."""

    def __init__(self, catalog: Catalog, model: ModelPlanner | None) -> None:
        self.patterns = PatternPlanner(catalog)
        self.model = model

    async def plan(self, message: str, context: Mapping[str, Any]) -> Plan:
        """The call that fits `message`; never raises for want of a model."""
        now = local_now(context.get("timezone"))
        plan = self.patterns.plan(message, context, now)
        by = "patterns"
        if self.model and plan.confidence < CONFIDENT:
            try:
                plan, by = await self.model.plan(message, context, now), "model"
            except ModelFailed as error:
                log.warning("the model made no plan", extra={"why": str(error)})
        PLANS.labels(by, plan.tool or "none").inc()
        return plan

    async def close(self) -> None:
        if self.model:
            await self.model.close()
