/** One federation as plain data, so that it can be run in another thread and its result kept. */
import type { CompressionInput, DownloadInput, OptimizerInput } from 'veilsum/fl';

export interface RunSpec {
  /** Name of the data set. */
  readonly data: string;
  /** Concentration of the Dirichlet distribution by which labels are dealt: the lower, the less clients are alike. */
  readonly alpha: number;
  /** Who has what, who takes part when, where the model starts: runs of one seed share all of it. */
  readonly seed: number;
  readonly rounds: number;
  readonly optimizer: OptimizerInput;
  /** Of the clients' own steps. */
  readonly learningRate: number;
  /** What a client counts for; SCAFFOLD takes `uniform` whatever is said. */
  readonly weights: 'examples' | 'uniform';
  readonly upload: Upload;
  /** Float32 if not given. */
  readonly download?: DownloadInput;
}

/** What clients send. */
export type Upload =
  /** The update as it is, 4 bytes a value, unmasked. */
  | { readonly kind: 'float' }
  /**
   * What stages make of it, in single precision: to see which values a quantizer will meet. `bits` are those of the
   * quantizer whose range is wanted.
   */
  | { readonly kind: 'calibration'; readonly stages: readonly CompressionInput[]; readonly bits: number }
  /** As masked inputs: the stages end in integers. */
  | {
      readonly kind: 'masked';
      readonly stages: readonly CompressionInput[];
      /** With layer scales: those of the first round, when there is no last mean yet. */
      readonly scales?: readonly number[];
      /** With a count sketch: the server keeps what it didn't take out of the sum (FetchSGD). */
      readonly serverResidual?: boolean;
    }
  /** Each client's greatest values, in the clear. */
  | { readonly kind: 'top-k'; readonly fraction: number; readonly feedback: boolean };

export interface RunResult {
  /** On the held-out examples, after each round. */
  readonly accuracies: readonly number[];
  /** Bytes of one client's upload. */
  readonly bytesUp: number;
  /** Bytes that a client of a round fetched, on average over all. */
  readonly bytesDown: number;
  /** Of a calibration: the range for the quantizer, and the first round's layer scales. */
  readonly range?: number;
  readonly scales?: readonly number[];
}

/** Learning rate of the clients' own steps, in all runs. */
export const clientRate = 0.2;
