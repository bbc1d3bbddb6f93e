// A short chime on confirm. Off until it is asked for: browsers allow sound only then.
let context = null;

export async function toggle() {
  if (context) {
    await context.close();
    context = null;
    return false;
  }
  context = new AudioContext();
  await context.resume();
  chime();
  return true;
}

export function chime() {
  if (!context || context.state !== "running") return;
  [[660, 0], [990, .09]].forEach(([pitch, after]) => {
    const at = context.currentTime + after;
    const tone = context.createOscillator(), volume = context.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(.14, at + .012);
    volume.gain.exponentialRampToValueAtTime(.001, at + .28);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + .3);
  });
}
