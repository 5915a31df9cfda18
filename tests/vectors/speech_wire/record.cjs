// Runs opus-recorder's own encoder over a sound, set as NVIDIA's page sets it, and prints each page that it hands out.
// usage: node record.cjs FOLDER-OF-OPUS-RECORDER < float32 samples at 48 kHz
const fs = require("node:fs");
const path = require("node:path");

Math.random = () => 0.25; // It draws its serial number; so every recording is the same.
const { Module, OggOpusEncoder } = require(path.resolve(process.argv[2], "dist/encoderWorker.min.js"));

const QUANTUM = 128; // So many samples an AudioWorklet is given at once.

const raw = fs.readFileSync(0);
const sound = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
const encoder = new OggOpusEncoder(
  {
    originalSampleRate: 48000, // The AudioContext's.
    bufferLength: 1920,
    encoderFrameSize: 20,
    encoderSampleRate: 24000,
    maxFramesPerPage: 2,
    numberOfChannels: 1,
    resampleQuality: 3,
    encoderComplexity: 0,
    encoderApplication: 2049,
    streamPages: true,
  },
  Module,
);
const print = (samples, { page }) =>
  console.log(JSON.stringify({ at_ms: samples / 48, page: Buffer.from(page).toString("base64") }));

print(0, encoder.generateIdPage());
print(0, encoder.generateCommentPage());
let at = 0;
for (; at + QUANTUM <= sound.length; at += QUANTUM) {
  for (const page of encoder.encode([sound.subarray(at, at + QUANTUM)])) print(at + QUANTUM, page);
}
for (const page of encoder.encodeFinalFrame()) print(at, page);
