// Packed volumes back to numbers: the other half of packing.py.
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-./:;=?@[]^_{}";
const page = JSON.parse(document.getElementById("page").textContent);
const AXES = ["t", "z", "y", "x"];

function bytesOf(text, length) {
  const digit = new Uint8Array(128);
  for (let i = 0; i < ALPHABET.length; i += 1) digit[ALPHABET.charCodeAt(i)] = i;
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  for (let i = 0, at = 0; i < text.length; i += 5) {
    let word = 0;
    for (let k = 0; k < 5; k += 1) word = word * 85 + digit[text.charCodeAt(i + k)];
    bytes[at++] = word >>> 24;
    bytes[at++] = word >>> 16;
    bytes[at++] = word >>> 8;
    bytes[at++] = word;
  }
  return bytes.subarray(0, length);
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Sum the differences along X, Y and Z; Int16Array wraps around as they did.
function summed(steps, shape) {
  for (let axis = 1; axis < 4; axis += 1) {
    const stride = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
    const block = stride * shape[axis];
    for (let start = 0; start < steps.length; start += block) {
      for (let i = start + stride; i < start + block; i += 1) steps[i] += steps[i - stride];
    }
  }
}

async function readVolume(name) {
  const about = page.volumes[name];
  const element = document.getElementById(`volume-${name}`);
  const planes = await inflated(bytesOf(element.textContent, about.length));
  element.remove();
  const count = planes.length / 2;
  const steps = new Int16Array(count);
  for (let i = 0; i < count; i += 1) {
    const folded = planes[i] | (planes[count + i] << 8);
    steps[i] = (folded >>> 1) ^ -(folded & 1);
  }
  if (about.smooth) summed(steps, about.shape);
  // An axis of length 1 holds for all places along it.
  const strides = about.shape.map((n, axis) => (n > 1 ? about.shape.slice(axis + 1).reduce((a, b) => a * b, 1) : 0));
  return { steps, step: about.step, strides };
}

function offsetOf(volume, position) {
  return AXES.reduce((sum, axis, i) => sum + position[axis] * volume.strides[i], 0);
}

function valueAt(volume, position) {
  return volume.steps[offsetOf(volume, position)] * volume.step;
}
