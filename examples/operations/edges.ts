// Edges of photographs: directview batch examples/operations/edges.ts photos --out edges --param sigma=2
import type { Operation } from 'directview';

export const params = { sigma: 1 };

/** Smooths by a Gaussian, then takes the length of the gradient by Sobel's filters. */
export const operation: Operation<typeof params> = ({ image }, { tf, params: { sigma } }) => {
  const reach = Math.ceil(3 * sigma);
  const bell = tf.exp(tf.mul(tf.square(tf.div(tf.range(-reach, reach + 1), sigma)), -0.5));
  const gauss = tf.div(bell, tf.sum(bell));
  const [slope, ramp] = [tf.tensor1d([-0.5, 0, 0.5]), tf.tensor1d([0.25, 0.5, 0.25])];
  type Line = typeof gauss;
  const filter = (x: Line, down: Line, across: Line) => {
    const columns = tf.conv2d(x as never, tf.reshape(down, [-1, 1, 1, 1]) as never, 1, 'valid');
    return tf.conv2d(columns, tf.reshape(across, [1, -1, 1, 1]) as never, 1, 'valid');
  };
  const border: [number, number] = [reach + 1, reach + 1];
  const wide = tf.mirrorPad(tf.expandDims(image.toTF(tf), 2), [border, border, [0, 0]], 'reflect');
  const smooth = filter(wide, gauss, gauss);
  const steep = [filter(smooth, slope, ramp), filter(smooth, ramp, slope)].map((g) => tf.square(g));
  const edges = tf.squeeze(tf.sqrt(tf.addN(steep)), [2]);
  return { picture: tf.div(edges, tf.max(edges)), record: { mean: tf.mean(edges), strongest: tf.max(edges) } };
};
