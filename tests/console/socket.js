// A small WebSocket client: enough to be a page without a browser, or one that never reads.

import net from "node:net";
import { randomBytes } from "node:crypto";

export function dial(port, path = "/ws") {
  const socket = net.connect(port, "127.0.0.1");
  const listeners = { message: () => {}, close: () => {} };
  let buffer = Buffer.alloc(0);
  let open = false;
  let fragments = [];

  const send = (text) => {
    const payload = Buffer.from(text);
    const mask = randomBytes(4);
    const head = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255]);
    socket.write(Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i & 3])]));
  };

  const read = () => {
    while (buffer.length >= 2) {
      const code = buffer[0] & 15, last = buffer[0] & 128;
      let length = buffer[1] & 127, at = 2;
      if (length === 126) {
        if (buffer.length < 4) return;
        [length, at] = [buffer.readUInt16BE(2), 4];
      } else if (length === 127) {
        if (buffer.length < 10) return;
        [length, at] = [Number(buffer.readBigUInt64BE(2)), 10];
      }
      if (buffer.length < at + length) return;
      const payload = buffer.subarray(at, at + length);
      buffer = buffer.subarray(at + length);
      if (code === 8) return listeners.close(payload.length > 1 ? payload.readUInt16BE(0) : 1005);
      if (code > 2) continue;
      fragments.push(payload);
      if (!last) continue;
      const whole = Buffer.concat(fragments);
      const binary = code === 2;
      fragments = [];
      listeners.message(binary ? whole : whole.toString(), binary);
    }
  };

  socket.on("connect", () => socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`));
  socket.on("data", (data) => {
    buffer = Buffer.concat([buffer, data]);
    if (!open) {
      const end = buffer.indexOf("\r\n\r\n");
      if (end < 0) return;
      open = true;
      buffer = buffer.subarray(end + 4);
    }
    read();
  });
  socket.on("error", () => listeners.close(1006));
  return {
    send,
    on: (name, listener) => { listeners[name] = listener; },
    /** From now on nothing is taken from the system's buffer. */
    deaf: () => socket.pause(),
    end: () => socket.destroy(),
  };
}

/** Reads frames and says so, as a page does; counts them. */
export function reader(port) {
  const client = dial(port);
  client.frames = 0;
  client.bytes = 0;
  client.on("message", (message, binary) => {
    if (!binary) return;
    client.frames++;
    client.bytes += message.length;
    const { frame } = JSON.parse(message.subarray(4, 4 + message.readUInt32LE(0)).toString());
    client.send(JSON.stringify({ type: "ack", frame }));
  });
  return client;
}
