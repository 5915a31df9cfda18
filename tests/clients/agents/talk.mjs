// The room in which this client is tried, as stdio.py is for those in Python.
//
//     node tests/clients/agents/talk.mjs URL

import { readFileSync } from 'node:fs'
import { talk } from './example.mjs'

const CHUNK = 960 // bytes of 20 ms

function tell(kind, value = null) {
  process.stdout.write(JSON.stringify({ kind, value }) + '\n')
}

const loudspeaker = {
  play: (pcm) => tell('play', pcm.toString('base64')),
  stop: () => tell('stop'),
}

async function* microphone() {
  tell('listening')
  for await (const pcm of process.stdin) yield Uint8Array.from(pcm)
}

function version(name) {
  const place = new URL(`node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(place, 'utf8')).version
}

tell('versions', { '@openai/agents': version('@openai/agents'), node: process.versions.node })
await talk(process.argv[2], 'none-is-needed-on-loopback', microphone(), loudspeaker, tell)
