// Draws reference.png, a fox on white: node examples/reference.mjs
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const mirrored = (shapes) => `${shapes}<g transform="translate(512 0) scale(-1 1)">${shapes}</g>`;

const fox = `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512">
  <defs>
    <linearGradient id="fur" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#f08a34"/><stop offset="1" stop-color="#d9641c"/>
    </linearGradient>
    <linearGradient id="cream" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#fff8ec"/><stop offset="1" stop-color="#f6dfbf"/>
    </linearGradient>
  </defs>
  <ellipse cx="262" cy="474" rx="160" ry="16" fill="#e4e4e4"/>
  <path d="M330 452 C450 470 492 380 462 286 C454 262 432 262 428 288 C420 342 396 372 340 388 Z" fill="url(#fur)"/>
  <path d="M462 286 C454 262 432 262 428 288 C426 304 422 318 416 330 C434 322 448 332 464 326 C468 314 467 300 462 286 Z"
    fill="url(#cream)"/>
  <path d="M256 262 C168 262 150 380 158 448 C160 472 182 476 256 476 C330 476 352 472 354 448 C362 380 344 262 256 262 Z"
    fill="url(#fur)"/>
  <path d="M256 300 C212 306 204 372 214 420 C220 446 238 456 256 456 C274 456 292 446 298 420 C308 372 300 306 256 300 Z"
    fill="url(#cream)"/>
  ${mirrored('<ellipse cx="204" cy="464" rx="38" ry="18" fill="#4a2a1c"/>')}
  ${mirrored(`<path d="M136 176 C112 108 112 58 130 38 C168 46 206 76 226 112 Z" fill="url(#fur)"/>
    <path d="M148 148 C134 110 132 82 140 66 C162 74 184 92 198 114 Z" fill="#4a2a1c"/>`)}
  <path d="M256 98 C172 98 116 152 104 226 C150 268 206 306 256 312 C306 306 362 268 408 226 C396 152 340 98 256 98 Z"
    fill="url(#fur)"/>
  ${mirrored(`<path d="M104 226 C150 268 206 306 256 312 L256 262 C240 228 208 206 176 206 C148 206 122 212 104 226 Z"
      fill="url(#cream)"/>
    <ellipse cx="194" cy="196" rx="17" ry="21" fill="#2a1710"/>
    <circle cx="200" cy="188" r="6" fill="#fff"/>
    <path d="M256 276 C248 288 234 290 226 282" fill="none" stroke="#2a1710" stroke-width="5" stroke-linecap="round"/>`)}
  <path d="M232 250 C240 242 272 242 280 250 C282 262 266 274 256 276 C246 274 230 262 232 250 Z" fill="#2a1710"/>
  <path d="M178 318 C226 342 286 342 334 318 L340 344 C288 368 224 368 172 344 Z" fill="#2f7f8f"/>
  <path d="M296 350 L326 340 L340 412 L308 420 Z" fill="#27697a"/>
</svg>`;

await sharp(Buffer.from(fox))
  .flatten({ background: "#fff" })
  .png({ compressionLevel: 9 })
  .toFile(fileURLToPath(new URL("reference.png", import.meta.url)));
