import { describe, expect, it } from 'vitest';
import { labelBytes, labelled, labels, uint32, uint64 } from '../../src/crypto/labels.js';

describe('labels', () => {
  it('are distinct, and none is the beginning of another once its length stands before it', () => {
    const all = Object.values(labels).map((label) => labelled(label));
    for (const a of all)
      for (const b of all) if (a !== b) expect(Buffer.compare(a, b.subarray(0, a.length))).not.toBe(0);
  });

  it('stand as opaque label<1..255> with the version in front', () => {
    expect(Buffer.from(labelled(labels.confirm, Uint8Array.of(7))).toString('latin1')).toBe(
      '\x11veilsum/1 confirm\x07',
    );
    for (const label of Object.values(labels)) {
      const text = labelled(label);
      expect(text[0]).toBe(text.length - 1);
      expect(Buffer.from(text.subarray(1)).toString()).toBe(`veilsum/1 ${label}`);
    }
  });
});

describe('labelBytes', () => {
  it('has the length before the text, for other purposes than those of the table', () => {
    expect(Buffer.from(labelBytes('veilsum/2 public seed')).toString('latin1')).toBe('\x15veilsum/2 public seed');
    expect(Object.values(labels).map((label) => `veilsum/1 ${label}`)).not.toContain('veilsum/2 public seed');
  });
});

describe('uint64', () => {
  it('is in network order, up to 2^53 - 1', () => {
    expect([...uint64(0x8090a0b0c0d0e)]).toEqual([0, 8, 9, 10, 11, 12, 13, 14]);
    expect([...uint64(2 ** 53 - 1)]).toEqual([0, 31, 255, 255, 255, 255, 255, 255]);
    expect([...uint64(0)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('uint32', () => {
  it('is in network order', () => {
    expect([...uint32(0x01020304)]).toEqual([1, 2, 3, 4]);
    expect([...uint32(0xffffffff)]).toEqual([255, 255, 255, 255]);
    expect([...uint32(0)]).toEqual([0, 0, 0, 0]);
  });
});
