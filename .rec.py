import asyncio
from tests.support import scenarios
from tests.support.actions_scenarios import ACTIONS_SCENARIOS
from tests.replay import record
record.SCENARIOS = {s.__name__: s for s in ACTIONS_SCENARIOS}
asyncio.run(record.record())
