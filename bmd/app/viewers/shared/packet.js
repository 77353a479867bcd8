// What the server sends: uint32 length, JSON header, bytes. The bytes are packed by zlib.

export function unpack(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return [header, bytes.subarray(4 + length)];
}

export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// Cuts bytes into pieces, one after the other, each as large as its shape asks for.
export function pieces(bytes) {
  let at = 0;
  return (shape) => bytes.subarray(at, (at += shape.reduce((a, b) => a * b, 1)));
}
