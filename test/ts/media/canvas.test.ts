import { test } from "tap";
import { shapeImage } from "#ts/media/canvas.js";

/** Each pixel is its own number. */
function picture(width: number, height: number) {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => Math.floor(i / 3));
  return { data, width, height };
}

const red = ({ data }: { data: Uint8Array }) => Array.from(data).filter((_, i) => i % 3 === 0);

test("a picture gets a shape, and its pixels stay", (t) => {
  const wide = picture(4, 2);
  t.equal(shapeImage(wide, 20, 10, "cover", "image"), wide, "it has it");
  t.equal(shapeImage(wide, 7, 7, "fill", "image"), wide, "squashing is another's work");

  const square = shapeImage(wide, 8, 8, "cover", "image");
  t.match(square, { width: 2, height: 2 });
  t.same(red(square), [1, 2, 5, 6], "the middle");
  const flat = shapeImage(wide, 8, 2, "cover", "image");
  t.match(flat, { width: 4, height: 1 });
  t.same(red(flat), [0, 1, 2, 3]);

  const framed = shapeImage(wide, 8, 8, "contain", "image");
  t.match(framed, { width: 4, height: 4 });
  t.same(red(framed), [...Array(4).fill(255), 0, 1, 2, 3, 4, 5, 6, 7, ...Array(4).fill(255)]);
  t.end();
});

test("of a line at least a pixel is left, and it gets no more pixels than a picture may have", (t) => {
  t.match(shapeImage(picture(200, 1), 8, 4096, "cover", "image"), { width: 1, height: 1 });
  t.throws(() => shapeImage(picture(200_000, 1), 8, 4096, "contain", "image 1"), {
    code: "ERR_INVALID_IMAGE",
    message: /^image 1: in the video's shape it has more than 268435456 pixels; cut its edges off$/,
  });
  t.end();
});
