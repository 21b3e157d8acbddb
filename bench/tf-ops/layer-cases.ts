// A small model of each layer, with weights that are the same everywhere, and a step of each optimizer.

const LAYER = (kind: string, options: string, input: string) =>
  `tf.sequential({ layers: [tf.layers.${kind}({ ...${options}, inputShape: ${input}.shape.slice(1) })] }).predict(${input})`;

const ONES = "kernelInitializer: 'ones'";
const ROWS = 'tf.tensor2d([[1, -2, 3], [4, 5, -6]])';
const SEQUENCE = 'tf.tensor3d([1, -2, 3, 4, 0.5, 6], [1, 3, 2])';
const RECURRENT = `{ units: 2, ${ONES}, recurrentInitializer: 'ones' }`;

const uses = (kinds: string, options: string, input: string) =>
  Object.fromEntries(kinds.split(' ').map((kind) => [`layers.${kind}`, LAYER(kind, options, input)]));
const merges = (kinds: string, options = '{}') =>
  Object.fromEntries(
    kinds.split(' ').map((kind) => [
      `layers.${kind}`,
      `(() => {
        const [a, b] = [tf.input({ shape: [3] }), tf.input({ shape: [3] })];
        const outputs = tf.layers.${kind}(${options}).apply([a, b]);
        return tf.model({ inputs: [a, b], outputs }).predict([m, tf.add(m, 1)]);
      })()`,
    ]),
  );
const optimizers = (kinds: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(kinds).map(([kind, args]) => [
      `train.${kind}`,
      `(() => {
        const w = tf.variable(v);
        const optimizer = tf.train.${kind}(${args});
        for (let step = 0; step < 2; step++) optimizer.minimize(() => tf.sum(tf.square(w)), false, [w]);
        return w;
      })()`,
    ]),
  );

/** The use of each layer and optimizer. */
export const LAYER_CASES: Readonly<Record<string, string>> = {
  ...uses('dense', `{ units: 2, ${ONES}, activation: 'relu' }`, ROWS),
  ...uses('activation', "{ activation: 'tanh' }", ROWS),
  ...uses('elu leakyReLU prelu reLU softmax thresholdedReLU batchNormalization layerNormalization', '{}', ROWS),
  ...uses('dropout gaussianDropout alphaDropout', '{ rate: 0.5 }', ROWS),
  ...uses('gaussianNoise', '{ stddev: 1 }', ROWS),
  ...uses('spatialDropout1d', '{ rate: 0.5 }', SEQUENCE),
  ...uses('flatten', '{}', SEQUENCE),
  ...uses('masking', '{ maskValue: 0 }', SEQUENCE),
  ...uses('repeatVector', '{ n: 2 }', ROWS),
  ...uses('reshape', '{ targetShape: [3, 1] }', ROWS),
  ...uses('permute', '{ dims: [2, 1] }', SEQUENCE),
  ...uses('rescaling', '{ scale: 2, offset: 1 }', ROWS),
  ...uses('embedding', "{ inputDim: 4, outputDim: 2, embeddingsInitializer: 'ones' }", 'tf.tensor2d([[0, 3]])'),
  ...uses('simpleRNN lstm gru', RECURRENT, SEQUENCE),
  ...uses('conv1d', `{ filters: 2, kernelSize: 2, ${ONES} }`, SEQUENCE),
  ...uses('averagePooling1d maxPooling1d', '{ poolSize: 2 }', SEQUENCE),
  ...uses('globalAveragePooling1d globalMaxPooling1d', '{}', SEQUENCE),
  ...uses('conv2d', `{ filters: 2, kernelSize: 2, ${ONES} }`, 'im4'),
  ...uses('conv2dTranspose', `{ filters: 2, kernelSize: 2, strides: 2, ${ONES} }`, 'im4'),
  ...uses('depthwiseConv2d', "{ kernelSize: 2, depthwiseInitializer: 'ones' }", 'im4'),
  ...uses(
    'separableConv2d',
    "{ filters: 2, kernelSize: 2, depthwiseInitializer: 'ones', pointwiseInitializer: 'ones' }",
    'im4',
  ),
  ...uses('averagePooling2d maxPooling2d', '{ poolSize: 2 }', 'im4'),
  ...uses('globalAveragePooling2d globalMaxPooling2d', '{}', 'im4'),
  ...uses('upSampling2d', '{ size: [2, 2] }', 'im4'),
  ...uses('zeroPadding2d', '{ padding: 1 }', 'im4'),
  ...uses('cropping2D', '{ cropping: 1 }', 'im4'),
  ...uses('conv3d', `{ filters: 1, kernelSize: 2, ${ONES} }`, 'im5'),
  ...uses('conv3dTranspose', `{ filters: 1, kernelSize: 2, ${ONES} }`, 'im5'),
  ...uses('averagePooling3d maxPooling3d', '{ poolSize: 2 }', 'im5'),
  ...uses(
    'convLstm2d',
    `{ filters: 1, kernelSize: 2, ${ONES}, recurrentInitializer: 'ones' }`,
    'tf.ones([1, 2, 3, 3, 1])',
  ),
  'layers.resizing': 'tf.layers.resizing({ height: 2, width: 2 }).apply(im4)',
  'layers.centerCrop': 'tf.layers.centerCrop({ height: 2, width: 2 }).apply(im4)',
  'layers.randomWidth': 'tf.layers.randomWidth({ factor: 0.5, seed: 1 }).apply(im4).rank',
  'layers.categoryEncoding':
    "tf.layers.categoryEncoding({ numTokens: 4, outputMode: 'count' }).apply(tf.tensor2d([[0, 3]]))",
  ...uses('timeDistributed', `{ layer: tf.layers.dense({ units: 1, ${ONES} }) }`, SEQUENCE),
  ...uses('bidirectional', `{ layer: tf.layers.simpleRNN(${RECURRENT}), mergeMode: 'sum' }`, SEQUENCE),
  ...uses('rnn', `{ cell: tf.layers.simpleRNNCell(${RECURRENT}) }`, SEQUENCE),
  ...merges('add multiply average maximum minimum concatenate'),
  ...merges('dot', '{ axes: 1 }'),
  ...optimizers({
    sgd: '0.1',
    momentum: '0.1, 0.9',
    rmsprop: '0.1',
    adam: '0.1',
    adadelta: '0.1',
    adamax: '0.1',
    adagrad: '0.1',
  }),
};
