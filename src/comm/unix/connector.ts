import { connect, type Socket } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { Backoff } from '../../util/backoff.ts';
import type { Link } from '../transport.ts';
import { counted } from './handles.ts';
import { BULK_BYTES, type CarrierOptions, StreamCarrier } from './stream.ts';

/** Every socket of this thread reads into this memory: what is read is taken before the next one reads. */
const shared = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * Connects, again and again until somebody listens there or the link is closed. Calls `settled` when it is connected, and when
 * it has ended.
 */
export function connectStream(path: string, options: Omit<CarrierOptions, 'lentBytes'>, settled: () => void): Link {
  // This end asks, and keeps its data until it has an answer: all that do not go through the socket are lent.
  const carrier = new StreamCarrier({ ...options, lentBytes: BULK_BYTES });
  const backoff = new Backoff();
  let timer: NodeJS.Timeout | undefined;
  let pending: Socket | undefined;
  const attempt = (): void => {
    const onread = {
      buffer: shared,
      callback: (count: number) => {
        carrier.read(shared.subarray(0, count));
        return true;
      },
    };
    const socket = counted(connect({ path, onread }));
    pending = socket;
    const failed = (): void => {
      timer = setTimeout(attempt, backoff.next());
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      pending = undefined;
      settled();
      carrier.attach(socket);
    });
  };
  carrier.onEnd = () => {
    clearTimeout(timer);
    settled();
    pending
      ?.removeAllListeners('connect')
      .removeAllListeners('error')
      .on('error', () => {})
      .destroy();
  };
  attempt();
  return carrier.link;
}
