from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner


async def call(url, key, transport, tell=print):
    model = OpenAIRealtimeLLMService(api_key=key, base_url=f"{url.replace('http', 'ws', 1)}/v1/realtime")
    user, agent = LLMContextAggregatorPair(LLMContext())
    user.add_event_handler("on_user_turn_message_added", lambda _, said: tell("user", said.content))
    agent.add_event_handler("on_assistant_turn_stopped", lambda _, said: tell("agent", said.content))
    worker = PipelineWorker(Pipeline([transport.input(), user, model, transport.output(), agent]))
    worker.add_event_handler("on_pipeline_error", lambda _, frame: tell("error", frame.error))
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()
