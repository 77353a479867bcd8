// Takes the volume once and hands it to the viewer on the same page; shows nothing. Only the last volume is kept.
import { inflate, unpack } from "../shared/packet.js";

export default function (component) {
  const [header, bytes] = unpack(component.data);
  if (globalThis.osteolensVolume?.volume !== header.volume) {
    inflate(bytes).then((codes) => {
      globalThis.osteolensVolume = { ...header, codes: new Uint8Array(codes) };
      globalThis.dispatchEvent(new Event("osteolens-volume"));
    });
  }
  return () => {
    globalThis.osteolensVolume = null;
  };
}
