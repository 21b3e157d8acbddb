import type { CardChoice } from '../../../src/protocol/engine-options.ts';
import { MoveCounter } from '../move-counter.ts';
import { DeviceMemory } from './device-memory.ts';
import { type CardFacts, chooseCard } from './driver/cards.ts';
import type { DriverApi } from './driver/driver-api.ts';
import { outHandle } from './driver/native.ts';
import { ReceivedMemory } from './received-memory.ts';
import { StagingPool } from './staging.ts';
import { CudaStream } from './stream.ts';

/** One card: its context, one stream, and memory. */
export class CudaDevice {
  readonly card: CardFacts;
  readonly stream: CudaStream;
  readonly memory: DeviceMemory;
  readonly staging: StagingPool;
  /** Memory for operands on their way to this engine. */
  readonly received: ReceivedMemory;
  /** The bytes that passed between host and card. */
  readonly moves = new MoveCounter();
  #isClosed = false;

  private constructor(card: CardFacts, stream: CudaStream) {
    this.card = card;
    this.stream = stream;
    this.memory = new DeviceMemory(stream);
    this.staging = new StagingPool(stream);
    const { koffi } = stream.api.library;
    this.received = new ReceivedMemory(this.staging, (address, bytes) => koffi.view(address, bytes));
  }

  /** Opens a card. @throws ContextError when there is no such card, or the driver refuses */
  static open(api: DriverApi, choice: CardChoice | undefined): CudaDevice {
    const card = chooseCard(api, choice);
    const context = outHandle();
    api.check('cuDevicePrimaryCtxRetain', context, card.device);
    try {
      api.check('cuCtxSetCurrent', context[0] as bigint);
      return new CudaDevice(card, new CudaStream(api));
    } catch (error) {
      api.call('cuDevicePrimaryCtxRelease_v2', card.device);
      throw error;
    }
  }

  /** Frees everything of this card. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.received.close();
    this.staging.clear();
    this.memory.clear();
    this.stream.close();
    // The end of the context frees all pinned memory: values that still lie there would be read from nowhere.
    if (this.received.bytes === 0) this.stream.api.call('cuDevicePrimaryCtxRelease_v2', this.card.device);
  }
}
