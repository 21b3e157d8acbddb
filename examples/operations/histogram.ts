// Colours of photographs, as a table: directview batch examples/operations/histogram.ts photos --csv colours.csv
import type { Operation } from 'directview';

export const read = { channels: 'rgb', dtype: 'uint8', resize: 256 } as const;
export const params = { bins: 8 };

/** The part of the pixels in each bin of red, green and blue, of a picture that is first shrunk. */
export const operation: Operation<typeof params> = ({ image }, { params: { bins } }) => {
  const counts = [0, 1, 2].map(() => new Array<number>(bins).fill(0));
  for (const [i, level] of (image.data as Uint8Array).entries()) {
    const bin = Math.floor((level * bins) / 256);
    const channel = counts[i % 3] as number[];
    channel[bin] = (channel[bin] as number) + 3 / image.size;
  }
  const [red, green, blue] = counts;
  return { picture: image, record: { red, green, blue } };
};
