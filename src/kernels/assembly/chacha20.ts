// ChaCha20 (RFC 8439), four blocks at once, its key stream added to or subtracted from a block of lanes. See
// ../chacha20.ts for the interface and ../chacha20.twin.ts for the same in TypeScript.
//
// Each vector holds one word of the state of four consecutive blocks, so a round needs no shuffling of words; only the
// end is a transposition. V8 has 15 registers for 16 words, the mask of rotl8 and what is in between, so something is
// spilled, and a spilled word is 8 cycles late. Hence the third row is in memory by choice: it is the row that can
// wait, each quarter round needing it last. The rest is in locals, four quarter rounds in step. That is 90% of the
// speed of OpenSSL's assembly for 128-bit vectors. Measured in V8 11 and 13: letting V8 choose what to spill costs
// 5-15%; rows instead of columns cost 15%; eight blocks at once, unrolling and relaxed SIMD gain nothing.

/** Words 4 to 15 of the state, as the caller wrote them: key, counter of the next block, nonce. */
const state = memory.data(48, 64);
/** The third row of the state: words 8 to 11 of the four blocks. */
const row = memory.data(64, 64);
/** Where rotl8 finds each byte. Read from here, since V8 would build a constant anew for every use. */
const rotation = memory.data<u8>([3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14], 16);
/** 256 bytes of key stream. */
const stream = memory.data(256, 64);
const sum = memory.data(65536, 64);

export function blockBytes(): usize {
  return 65536;
}

export function stateAt(): usize {
  return state;
}

export function sumAt(): usize {
  return sum;
}

/**
 * sum += key stream mod 2^lane over the first `bytes` bytes, or -=, and wipes the state. Goes on to a multiple of 256
 * bytes: what lies behind the bytes asked for means nothing.
 */
export function expand(lane: u32, bytes: usize, subtract: bool): void {
  let counter = add(v128.load32_splat(state + 32), i32x4(0, 1, 2, 3));
  for (let at: usize = 0; at < bytes; at += 256) {
    fourBlocks(counter);
    counter = add(counter, i32x4.splat(4));
    const to = sum + at;
    if (lane == 32) {
      if (subtract) combine<u32>(to, true);
      else combine<u32>(to, false);
    } else if (lane == 16) {
      if (subtract) combine<u16>(to, true);
      else combine<u16>(to, false);
    } else {
      if (subtract) combine<u8>(to, true);
      else combine<u8>(to, false);
    }
  }
  memory.fill(state, 0, 48);
  memory.fill(row, 0, 64);
  memory.fill(stream, 0, 256);
}

@inline
function combine<T>(to: usize, subtract: bool): void {
  for (let i: usize = 0; i < 256; i += 64) {
    put<T>(to + i, stream + i, subtract);
    put<T>(to + i + 16, stream + i + 16, subtract);
    put<T>(to + i + 32, stream + i + 32, subtract);
    put<T>(to + i + 48, stream + i + 48, subtract);
  }
}

@inline
function put<T>(to: usize, from: usize, subtract: bool): void {
  const before = v128.load(to);
  const value = v128.load(from);
  v128.store(to, subtract ? v128.sub<T>(before, value) : v128.add<T>(before, value));
}

/** Four blocks of key stream from `counter` on (RFC 8439 section 2.3). */
@inline
function fourBlocks(counter: v128): void {
  let x0 = i32x4.splat(0x61707865);
  let x1 = i32x4.splat(0x3320646e);
  let x2 = i32x4.splat(0x79622d32);
  let x3 = i32x4.splat(0x6b206574);
  let x4 = word(4);
  let x5 = word(5);
  let x6 = word(6);
  let x7 = word(7);
  let x12 = counter;
  let x13 = word(13);
  let x14 = word(14);
  let x15 = word(15);
  v128.store(row, word(8));
  v128.store(row + 16, word(9));
  v128.store(row + 32, word(10));
  v128.store(row + 48, word(11));
  const mask = v128.load(rotation);

  for (let i = 0; i < 10; i++) {
    // the columns
    x0 = add(x0, x4);
    x1 = add(x1, x5);
    x2 = add(x2, x6);
    x3 = add(x3, x7);
    x12 = rotl16(v128.xor(x12, x0));
    x13 = rotl16(v128.xor(x13, x1));
    x14 = rotl16(v128.xor(x14, x2));
    x15 = rotl16(v128.xor(x15, x3));
    x4 = rotl12(v128.xor(x4, plus(8, x12)));
    x5 = rotl12(v128.xor(x5, plus(9, x13)));
    x6 = rotl12(v128.xor(x6, plus(10, x14)));
    x7 = rotl12(v128.xor(x7, plus(11, x15)));
    x0 = add(x0, x4);
    x1 = add(x1, x5);
    x2 = add(x2, x6);
    x3 = add(x3, x7);
    x12 = rotl8(v128.xor(x12, x0), mask);
    x13 = rotl8(v128.xor(x13, x1), mask);
    x14 = rotl8(v128.xor(x14, x2), mask);
    x15 = rotl8(v128.xor(x15, x3), mask);
    x4 = rotl7(v128.xor(x4, plus(8, x12)));
    x5 = rotl7(v128.xor(x5, plus(9, x13)));
    x6 = rotl7(v128.xor(x6, plus(10, x14)));
    x7 = rotl7(v128.xor(x7, plus(11, x15)));

    // the diagonals
    x0 = add(x0, x5);
    x1 = add(x1, x6);
    x2 = add(x2, x7);
    x3 = add(x3, x4);
    x15 = rotl16(v128.xor(x15, x0));
    x12 = rotl16(v128.xor(x12, x1));
    x13 = rotl16(v128.xor(x13, x2));
    x14 = rotl16(v128.xor(x14, x3));
    x5 = rotl12(v128.xor(x5, plus(10, x15)));
    x6 = rotl12(v128.xor(x6, plus(11, x12)));
    x7 = rotl12(v128.xor(x7, plus(8, x13)));
    x4 = rotl12(v128.xor(x4, plus(9, x14)));
    x0 = add(x0, x5);
    x1 = add(x1, x6);
    x2 = add(x2, x7);
    x3 = add(x3, x4);
    x15 = rotl8(v128.xor(x15, x0), mask);
    x12 = rotl8(v128.xor(x12, x1), mask);
    x13 = rotl8(v128.xor(x13, x2), mask);
    x14 = rotl8(v128.xor(x14, x3), mask);
    x5 = rotl7(v128.xor(x5, plus(10, x15)));
    x6 = rotl7(v128.xor(x6, plus(11, x12)));
    x7 = rotl7(v128.xor(x7, plus(8, x13)));
    x4 = rotl7(v128.xor(x4, plus(9, x14)));
  }

  transposed(
    0,
    add(x0, i32x4.splat(0x61707865)),
    add(x1, i32x4.splat(0x3320646e)),
    add(x2, i32x4.splat(0x79622d32)),
    add(x3, i32x4.splat(0x6b206574)),
  );
  transposed(16, add(x4, word(4)), add(x5, word(5)), add(x6, word(6)), add(x7, word(7)));
  transposed(32, plus(8, word(8)), plus(9, word(9)), plus(10, word(10)), plus(11, word(11)));
  transposed(48, add(x12, counter), add(x13, word(13)), add(x14, word(14)), add(x15, word(15)));
}

/** Writes four words of each of the four blocks to their places, `at` bytes into each block. */
@inline
function transposed(at: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab01 = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const ab23 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd01 = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const cd23 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(stream + at, i64x2.shuffle(ab01, cd01, 0, 2));
  v128.store(stream + at + 64, i64x2.shuffle(ab01, cd01, 1, 3));
  v128.store(stream + at + 128, i64x2.shuffle(ab23, cd23, 0, 2));
  v128.store(stream + at + 192, i64x2.shuffle(ab23, cd23, 1, 3));
}

/** Word `i` (4 to 15) of the initial state, in each of the four blocks. */
@inline
function word(i: usize): v128 {
  return v128.load32_splat(state + 4 * (i - 4));
}

/** Adds to word `i` (8 to 11) of the state, which is in memory. */
@inline
function plus(i: usize, d: v128): v128 {
  const at = row + 16 * (i - 8);
  const c = add(d, v128.load(at));
  v128.store(at, c);
  return c;
}

@inline
function add(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

@inline
function rotl16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

@inline
function rotl12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20));
}

@inline
function rotl8(x: v128, mask: v128): v128 {
  return i8x16.swizzle(x, mask);
}

@inline
function rotl7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25));
}
