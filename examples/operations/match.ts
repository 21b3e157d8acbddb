// Finds a small picture in photographs: directview batch examples/operations/match.ts photos --param template=/data/coin.png
import { drawCorners, type Operation, readPicture } from 'directview';

/** The normalized correlation with the template, as cv2.TM_CCOEFF_NORMED: 1 where it is found, 0 where nothing is alike. */
export const operation: Operation<{ template: string }> = async ({ image, as }, { tf, params: { template } }) => {
  const sought = (await readPicture(template)).image;
  const [rows, cols] = sought.shape as [number, number];
  const plain = sought.toTF(tf);
  const zeroMean = tf.sub(plain, tf.mean(plain));
  const picture = tf.expandDims(image.toTF(tf), 2) as never;
  const mean = tf.avgPool(picture, [rows, cols], 1, 'valid');
  const spread = tf.sub(tf.avgPool(tf.square(picture), [rows, cols], 1, 'valid') as never, tf.square(mean));
  const dot = tf.conv2d(picture, tf.reshape(zeroMean, [rows, cols, 1, 1]), 1, 'valid');
  const scale = tf.sqrt(tf.mul(tf.mul(tf.maximum(spread, 1e-8), rows * cols), tf.sum(tf.square(zeroMean))));
  const score = tf.div(dot, scale);
  const at = ((await tf.argMax(tf.reshape(score, [-1])).data())[0] as number) ?? 0;
  const [row, col] = [Math.floor(at / (score.shape[1] as number)), at % (score.shape[1] as number)];
  const middle = [row + rows / 2, col + cols / 2] as const;
  const marked = () => drawCorners(as({ channels: 'rgb' }).image, [middle], { on: 'color', markSize: rows });
  return { picture: marked, record: { row, col, score: tf.max(score) } };
};
