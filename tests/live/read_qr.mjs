// Reads a QR code: JSON { width, height, data } comes in, data in base 64 (red green blue alpha); the text goes out.
//
//     node read_qr.mjs DECODER
import { readFileSync } from "node:fs";

const { decodeQR } = await import(process.argv[2]);
const { data, ...size } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(decodeQR({ ...size, data: Uint8Array.from(Buffer.from(data, "base64")) }));
