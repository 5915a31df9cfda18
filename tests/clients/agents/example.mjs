import { hostedMcpTool } from '@openai/agents'
import { RealtimeAgent, RealtimeSession } from '@openai/agents/realtime'

export async function talk(url, key, microphone, loudspeaker, tell = console.log) {
  const tools = [hostedMcpTool({ serverLabel: 'antiphon', serverUrl: url })]
  const agent = new RealtimeAgent({ name: 'Myca', instructions: 'You are Myca.', tools })
  const session = new RealtimeSession(agent, {
    transport: 'websocket',
    automaticallyTriggerResponseForMcpToolCalls: false,
  })
  session.on('audio', ({ data }) => loudspeaker.play(Buffer.from(data)))
  session.on('audio_interrupted', () => loudspeaker.stop())
  session.on('transport_event', (event) => {
    if (event.type === 'conversation.item.input_audio_transcription.completed') tell('user', event.transcript)
  })
  session.on('agent_end', (_context, _agent, said) => tell('agent', said))
  session.on('mcp_tool_call_completed', (_context, _agent, call) => tell('tool', call.name))
  session.on('error', ({ error }) => tell('error', error))
  await session.connect({ url: `${url.replace('http', 'ws')}/v1/realtime`, apiKey: key })
  for await (const pcm of microphone) session.sendAudio(pcm.buffer)
  session.close()
}
