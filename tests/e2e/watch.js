// Runs in the page before its own scripts: notes what the conversation shows, and records what is played.

window.seen = [];

const describe = (row, place) => ({
  entry: place,
  role: row.dataset.role ?? (row.dataset.testid === "tool" ? "tool" : ""),
  state: row.dataset.state ?? row.dataset.status ?? "",
  text: (row.querySelector(".words") ?? row.querySelector(".name") ?? row).textContent,
});

const watch = () => {
  const transcript = document.querySelector("#transcript");
  // Not every page has one.
  if (transcript === null) return;
  const last = new Map();
  new MutationObserver(() => {
    const rows = [...document.querySelectorAll("#transcript > li")];
    for (const [place, row] of rows.entries()) {
      const now = describe(row, place);
      const key = JSON.stringify(now);
      if (last.get(row) === key) continue;
      last.set(row, key);
      window.seen.push({ at: performance.now() / 1000, ...now });
    }
  }).observe(transcript, {
    subtree: true,
    childList: true,
    attributes: true,
    characterData: true,
  });
};
document.addEventListener("DOMContentLoaded", watch);

// When the microphone began, which here is the beginning of a file.
window.microphoneAt = Infinity;
const ask = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (...wishes) {
  const stream = await ask.apply(this, wishes);
  window.microphoneAt = performance.now();
  return stream;
};

// Whatever goes to the loudspeaker goes to a recorder too.
let recorder;
const pieces = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode && recorder === undefined) {
    const copy = this.context.createMediaStreamDestination();
    connect.call(this, copy);
    recorder = new MediaRecorder(copy.stream, { mimeType: "audio/webm;codecs=pcm" });
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstart = () => (window.recordingAt = performance.now());
    recorder.start(1000);
  }
  return connect.call(this, target, ...rest);
};

window.finishRecording = async () => {
  await new Promise((stopped) => {
    recorder.onstop = stopped;
    recorder.stop();
  });
  const packed = await new Blob(pieces).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 1, 24000).decodeAudioData(packed);
  const pcm = Int16Array.from(sound.getChannelData(0), (value) => Math.max(-32768, Math.min(32767, value * 32768)));
  const bytes = new Uint8Array(pcm.buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
};
