/** The five message exchanges of a session, in order. */
export type Phase = 'advertise' | 'share' | 'input' | 'confirm' | 'unmask';

export const phases: readonly Phase[] = ['advertise', 'share', 'input', 'confirm', 'unmask'];
