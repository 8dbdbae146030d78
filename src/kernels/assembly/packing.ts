/**
 * Packing at b bits a value and the server's hot path, unpacking straight into an accumulator.
 *
 * Eight values take exactly b bytes, so everything works on groups of eight: a block of up to 8192 values is 1024
 * groups. Both areas have slack behind them, since loads and stores are wider than a value.
 */

const laneArea = memory.data(32768 + 64, 64);
const packedArea = memory.data(32768 + 64, 64);

export function lanesAt(): usize {
  return laneArea;
}

export function packedAt(): usize {
  return packedArea;
}

/** Adds `groups` packed groups to the lanes; `bits` from 1 to 32 also says how wide a lane is. */
export function add(bits: i32, groups: i32): void {
  if (bits == 32) addLanes32(groups);
  else if (bits == 16) addLanes16(groups);
  else if (bits == 8) addLanes8(groups);
  else if (bits <= 26 || bits == 28) addShuffled(bits, groups);
  else addWide(bits, groups);
}

/** Packs `groups` groups of eight lanes mod 2^bits. */
export function pack(bits: i32, groups: i32): void {
  const mask: u64 = (u64(1) << bits) - 1;
  if (bits <= 8) packLanes<u8>(bits, mask, groups);
  else if (bits <= 16) packLanes<u16>(bits, mask, groups);
  else packLanes<u32>(bits, mask, groups);
}

function addLanes32(groups: i32): void {
  let from: usize = packedArea;
  for (let to: usize = laneArea, end = to + ((<usize>groups) << 5); to < end; to += 16, from += 16)
    v128.store(to, i32x4.add(v128.load(to), v128.load(from)));
}

function addLanes16(groups: i32): void {
  let from: usize = packedArea;
  for (let to: usize = laneArea, end = to + ((<usize>groups) << 4); to < end; to += 16, from += 16)
    v128.store(to, i16x8.add(v128.load(to), v128.load(from)));
}

/** An odd last group leaves eight lanes of slack with a meaningless sum, which the caller doesn't read. */
function addLanes8(groups: i32): void {
  let from: usize = packedArea;
  for (let to: usize = laneArea, end = to + ((<usize>groups) << 3); to < end; to += 16, from += 16)
    v128.store(to, i8x16.add(v128.load(to), v128.load(from)));
}

/**
 * For half a group: which bytes of the 16 loaded go to each of four 32-bit lanes, so that lane j holds value 4*half +
 * j.
 */
@inline
function swizzleFor(bits: i32, half: i32): v128 {
  let indices = i8x16.splat(0);
  const start = (4 * half * bits) & 7;
  const byte0 = start >> 3;
  const byte1 = (start + bits) >> 3;
  const byte2 = (start + 2 * bits) >> 3;
  const byte3 = (start + 3 * bits) >> 3;
  indices = i32x4.replace_lane(indices, 0, fourFrom(byte0));
  indices = i32x4.replace_lane(indices, 1, fourFrom(byte1));
  indices = i32x4.replace_lane(indices, 2, fourFrom(byte2));
  return i32x4.replace_lane(indices, 3, fourFrom(byte3));
}

@inline
function fourFrom(byte: i32): i32 {
  return byte | ((byte + 1) << 8) | ((byte + 2) << 16) | ((byte + 3) << 24);
}

/** Powers of two that move each value of half a group to the top of its lane: WebAssembly shifts all lanes alike. */
@inline
function factorsFor(bits: i32, half: i32): v128 {
  const start = (4 * half * bits) & 7;
  let factors = i32x4.splat(1 << (32 - bits - start));
  factors = i32x4.replace_lane(factors, 1, 1 << (32 - bits - ((start + bits) & 7)));
  factors = i32x4.replace_lane(factors, 2, 1 << (32 - bits - ((start + 2 * bits) & 7)));
  return i32x4.replace_lane(factors, 3, 1 << (32 - bits - ((start + 3 * bits) & 7)));
}

/** Widths whose values never straddle five bytes: at most 26, and 28 (its values start at bit 0 or 4 of a byte). */
function addShuffled(bits: i32, groups: i32): void {
  const swizzle0 = swizzleFor(bits, 0);
  const swizzle1 = swizzleFor(bits, 1);
  const factors0 = factorsFor(bits, 0);
  const factors1 = factorsFor(bits, 1);
  const down = 32 - bits;
  const second: usize = (<usize>(4 * bits)) >> 3;
  const stride = <usize>bits;
  let from: usize = packedArea;
  const end: usize = packedArea + <usize>(groups * bits);
  let to: usize = laneArea;
  if (bits > 16) {
    for (; from < end; from += stride, to += 32) {
      const low = i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(from), swizzle0), factors0), down);
      const high = i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(from + second), swizzle1), factors1), down);
      v128.store(to, i32x4.add(v128.load(to), low));
      v128.store(to, i32x4.add(v128.load(to, 16), high), 16);
    }
  } else if (bits > 8) {
    for (; from < end; from += stride, to += 16) {
      const low = i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(from), swizzle0), factors0), down);
      const high = i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(from + second), swizzle1), factors1), down);
      v128.store(to, i16x8.add(v128.load(to), i16x8.narrow_i32x4_u(low, high)));
    }
  } else {
    for (; from < end; from += stride, to += 8) {
      const low = i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(from), swizzle0), factors0), down);
      const high = i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(from + second), swizzle1), factors1), down);
      const half = i16x8.narrow_i32x4_u(low, high);
      v128.store64_lane(to, i8x16.add(v128.load64_zero(to), i8x16.narrow_i16x8_u(half, half)), 0);
    }
  }
}

/** The other widths, 27, 29, 30 and 31: a value can straddle five bytes. */
function addWide(bits: i32, groups: i32): void {
  const mask: u64 = (u64(1) << bits) - 1;
  let to: usize = laneArea;
  let position: usize = 0;
  for (const end = to + ((<usize>groups) << 5); to < end; to += 4, position += bits) {
    const value = (load<u64>(packedArea + (position >> 3)) >> (position & 7)) & mask;
    store<u32>(to, load<u32>(to) + <u32>value);
  }
}

function packLanes<Lane>(bits: i32, mask: u64, groups: i32): void {
  let from: usize = laneArea;
  const end: usize = laneArea + (<usize>groups) * 8 * sizeof<Lane>();
  let position: usize = 0;
  let pending: u64 = 0; // bits of the byte at `position` that are already known, then the new value above them
  for (; from < end; from += sizeof<Lane>()) {
    pending |= (<u64>load<Lane>(from) & mask) << (position & 7);
    store<u64>(packedArea + (position >> 3), pending);
    const next = position + bits;
    pending >>= ((next >> 3) - (position >> 3)) << 3;
    position = next;
  }
}
