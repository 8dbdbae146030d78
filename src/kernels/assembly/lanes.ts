// Adds blocks of lanes: sum += or -= slot 0 + slot 1 + ..., lane by lane mod 2^lane. See ../lanes.ts for the interface
// and ../lanes.twin.ts for the same in TypeScript.
//
// Four slots are added in one pass, which reads and writes the sum once for four key streams. Loops go on to a multiple
// of 64 bytes: the block is a multiple of that, and what lies behind the bytes asked for means nothing.

const BLOCK: usize = 65536;

const sum = memory.data(65536, 64);
const slots = memory.data(262144, 64);

export function blockBytes(): usize {
  return BLOCK;
}

export function slotCount(): u32 {
  return 4;
}

export function sumAt(): usize {
  return sum;
}

export function slotsAt(): usize {
  return slots;
}

export function add8(count: u32, bytes: usize, subtract: bool): void {
  combine<u8>(count, bytes, subtract);
}

export function add16(count: u32, bytes: usize, subtract: bool): void {
  combine<u16>(count, bytes, subtract);
}

export function add32(count: u32, bytes: usize, subtract: bool): void {
  combine<u32>(count, bytes, subtract);
}

@inline
function combine<T>(count: u32, bytes: usize, subtract: bool): void {
  if (count == 4) {
    if (subtract) fourSlots<T>(bytes, true);
    else fourSlots<T>(bytes, false);
    return;
  }
  let slot = slots;
  for (let i: u32 = 0; i < count; i++, slot += BLOCK) {
    if (subtract) oneSlot<T>(slot, bytes, true);
    else oneSlot<T>(slot, bytes, false);
  }
}

@inline
function fourSlots<T>(bytes: usize, subtract: bool): void {
  let a = sum;
  let s = slots;
  for (const end = a + bytes; a < end; a += 64, s += 64) {
    four<T>(a, s, subtract);
    four<T>(a + 16, s + 16, subtract);
    four<T>(a + 32, s + 32, subtract);
    four<T>(a + 48, s + 48, subtract);
  }
}

@inline
function four<T>(a: usize, s: usize, subtract: bool): void {
  const first = v128.add<T>(v128.load(s), v128.load(s, BLOCK));
  const second = v128.add<T>(v128.load(s, 2 * BLOCK), v128.load(s, 3 * BLOCK));
  put<T>(a, v128.add<T>(first, second), subtract);
}

@inline
function oneSlot<T>(slot: usize, bytes: usize, subtract: bool): void {
  let a = sum;
  let s = slot;
  for (const end = a + bytes; a < end; a += 64, s += 64) {
    put<T>(a, v128.load(s), subtract);
    put<T>(a + 16, v128.load(s + 16), subtract);
    put<T>(a + 32, v128.load(s + 32), subtract);
    put<T>(a + 48, v128.load(s + 48), subtract);
  }
}

@inline
function put<T>(a: usize, value: v128, subtract: bool): void {
  const before = v128.load(a);
  v128.store(a, subtract ? v128.sub<T>(before, value) : v128.add<T>(before, value));
}
