/** A kind of file that is known by its first bytes, and why it is not read. */
interface Kind {
  readonly name: string;
  readonly reason: string;
  matches(bytes: Uint8Array): boolean;
}

const CONVERT = 'convert it to PNG, JPEG, TIFF or AVIF';
const NO_CODEC = `the codec here does not have this format: ${CONVERT}`;

function begins(...texts: string[]): Kind['matches'] {
  return (bytes) => texts.some((text) => latin(bytes, 0, text.length) === text);
}

// A file of the ISO base media format names its brands after `ftyp`.
function brand(...wanted: string[]): Kind['matches'] {
  return (bytes) => latin(bytes, 4, 8) === 'ftyp' && wanted.includes(latin(bytes, 8, 12));
}

const KINDS: readonly Kind[] = [
  {
    name: 'HEIC',
    reason: `its HEVC coding needs a licence that the codec here does not have: ${CONVERT}`,
    matches: brand('heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs', 'mif1', 'msf1'),
  },
  { name: 'AVIF sequence', reason: 'only single AVIF pictures are read', matches: brand('avis') },
  { name: 'Canon raw', reason: NO_CODEC, matches: brand('crx ') },
  { name: 'video', reason: 'extract its frames first', matches: brand('isom', 'iso2', 'mp41', 'mp42', 'avc1', 'qt  ') },
  {
    name: 'JPEG 2000',
    reason: NO_CODEC,
    matches: begins('\x00\x00\x00\x0cjP  ', '\x00\x00\x00\x0cjP\x1a\x1a', '\xff\x4f\xff\x51'),
  },
  { name: 'JPEG XL', reason: NO_CODEC, matches: begins('\xff\x0a', '\x00\x00\x00\x0cJXL ') },
  { name: 'Photoshop', reason: NO_CODEC, matches: begins('8BPS') },
  { name: 'OpenEXR', reason: NO_CODEC, matches: begins('\x76\x2f\x31\x01') },
  { name: 'Radiance HDR', reason: NO_CODEC, matches: begins('#?RADIANCE', '#?RGBE') },
  { name: 'FITS', reason: NO_CODEC, matches: begins('SIMPLE  =') },
  { name: 'DICOM', reason: NO_CODEC, matches: (bytes) => latin(bytes, 128, 132) === 'DICM' },
  { name: 'DirectDraw', reason: NO_CODEC, matches: begins('DDS ') },
  { name: 'icon', reason: NO_CODEC, matches: begins('\x00\x00\x01\x00') },
  { name: 'QOI', reason: NO_CODEC, matches: begins('qoif') },
  { name: 'PDF', reason: 'it is a document: render its pages first', matches: begins('%PDF') },
  { name: 'NumPy', reason: 'it is an array: save it as TIFF', matches: begins('\x93NUMPY') },
  { name: 'HDF5', reason: 'it is a container of arrays: save one as TIFF', matches: begins('\x89HDF') },
  { name: 'zip', reason: 'it is an archive: unpack it first', matches: begins('PK\x03\x04') },
  { name: 'gzip', reason: 'it is compressed: unpack it first', matches: begins('\x1f\x8b') },
];

/** The name of a file's format and the reason why it is not read; undefined for an unknown format. */
export function unreadable(bytes: Uint8Array): string | undefined {
  const kind = KINDS.find(({ matches }) => matches(bytes));
  return kind && `${/^[AEIOU]/i.test(kind.name) ? 'an' : 'a'} ${kind.name} file, which is not read: ${kind.reason}`;
}

function latin(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
