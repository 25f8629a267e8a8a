/* y[t][r] = sum over i of W[r][i] * x[t][i], for weights as a GGUF file stores them.

   Blocks of 32 weights are unpacked to exactly the float32 numbers that the format stands for; only
   sums are rounded. `stride` is the number of bytes from one row of W to the next. Columns are a
   multiple of 32, of float32 a multiple of 4. */
#include <wasm_simd128.h>

typedef unsigned char byte;
typedef v128_t floats;  /* four of them */
enum { BLOCK = 32, LANES = 4, PARTS = BLOCK / LANES };

#define inlined static inline __attribute__((always_inline))
#define load wasm_v128_load
#define add wasm_f32x4_add
#define multiply wasm_f32x4_mul
#define splat wasm_f32x4_splat
#define to_floats wasm_f32x4_convert_i32x4

/* The float16 at p; subnormal ones too. */
inlined float half(const byte *p) {
  union { unsigned bits; float value; } number;
  unsigned bits = p[0] | p[1] << 8;
  number.bits = (bits & 0x7fff) << 13;
  number.value *= 0x1p112f;
  number.bits |= (bits & 0x8000) << 16;
  return number.value;
}

inlined float sum(floats v) {
  return (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1)) +
         (wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3));
}

/* 16 bytes as numbers: bytes 4k to 4k + 3 in out[k], each in the top byte of its lane, and so
   2^24 times as large; as signed numbers if they are. */
inlined void widen(v128_t bytes, floats out[4]) {
  const v128_t zero = wasm_i8x16_splat(0);
#define TOP(k) wasm_i8x16_shuffle(zero, bytes, 0, 0, 0, 16 + k, 0, 0, 0, 17 + k, 0, 0, 0, 18 + k, \
                                  0, 0, 0, 19 + k)
  out[0] = to_floats(TOP(0));
  out[1] = to_floats(TOP(4));
  out[2] = to_floats(TOP(8));
  out[3] = to_floats(TOP(12));
}

/* A block of 4 bits a weight: 0 to 15 are the low halves of 16 bytes, 16 to 31 the high halves. */
inlined void unpack_halves(const byte *block, float scale, float least, floats out[PARTS]) {
  v128_t halves = load(block);
  widen(wasm_v128_and(halves, wasm_i8x16_splat(15)), out);
  widen(wasm_v128_and(wasm_u16x8_shr(halves, 4), wasm_i8x16_splat(15)), out + 4);
  for (int i = 0; i < PARTS; i++)
    out[i] = add(multiply(out[i], splat(scale * 0x1p-24f)), splat(least));
}

/* The formats: each unpacks one block. */
inlined void unpack_F32(const byte *block, floats out[PARTS]) {
  for (int i = 0; i < PARTS; i++) out[i] = load(block + 16 * i);
}

inlined void unpack_F16(const byte *block, floats out[PARTS]) {
  for (int i = 0; i < PARTS; i++) {
    v128_t bits = wasm_u32x4_load16x4(block + 8 * i);
    v128_t sign = wasm_i32x4_shl(wasm_v128_and(bits, wasm_i32x4_splat(0x8000)), 16);
    v128_t rest = wasm_i32x4_shl(wasm_v128_and(bits, wasm_i32x4_splat(0x7fff)), 13);
    out[i] = wasm_v128_or(multiply(rest, splat(0x1p112f)), sign);
  }
}

inlined void unpack_Q8_0(const byte *block, floats out[PARTS]) {
  floats scale = splat(half(block) * 0x1p-24f);
  widen(load(block + 2), out);
  widen(load(block + 18), out + 4);
  for (int i = 0; i < PARTS; i++) out[i] = multiply(out[i], scale);
}

inlined void unpack_Q4_0(const byte *block, floats out[PARTS]) {
  float scale = half(block);
  unpack_halves(block + 2, scale, -8 * scale, out);
}

inlined void unpack_Q4_1(const byte *block, floats out[PARTS]) {
  unpack_halves(block + 4, half(block), half(block + 2), out);
}

typedef void unpack_block(const byte *block, floats out[PARTS]);

/* A row of W as float32. */
inlined void unpack_row(unpack_block unpack, int bytes, const byte *w, float *out, int columns) {
  int i = 0;
  for (; i + BLOCK <= columns; i += BLOCK, w += bytes) {
    floats weights[PARTS];
    unpack(w, weights);
    for (int k = 0; k < PARTS; k++) wasm_v128_store(out + i + LANES * k, weights[k]);
  }
  for (; i < columns; i += LANES, w += sizeof(floats)) wasm_v128_store(out + i, load(w));
}

/* A row of W times one vector, without a copy of the row. */
inlined float row_times(unpack_block unpack, int bytes, const byte *w, const float *x, int columns) {
  floats even = splat(0), odd = even;
  int i = 0;
  for (; i + BLOCK <= columns; i += BLOCK, w += bytes) {
    floats weights[PARTS];
    unpack(w, weights);
    for (int k = 0; k < PARTS; k += 2) {
      even = add(even, multiply(weights[k], load(x + i + LANES * k)));
      odd = add(odd, multiply(weights[k + 1], load(x + i + LANES * k + LANES)));
    }
  }
  for (; i < columns; i += LANES, w += sizeof(floats))
    even = add(even, multiply(load(w), load(x + i)));
  return sum(add(even, odd));
}

/* Two rows times four vectors: so each number that is loaded is used more than once. */
static void two_rows_times_four(const float *rows, const float *x, float *y, int columns, int step) {
  const float *row0 = rows, *row1 = rows + columns;
  floats sums0[4], sums1[4];
  for (int t = 0; t < 4; t++) sums0[t] = sums1[t] = splat(0);
  for (int i = 0; i < columns; i += LANES) {
    floats weights0 = load(row0 + i), weights1 = load(row1 + i);
    for (int t = 0; t < 4; t++) {
      floats in = load(x + t * columns + i);
      sums0[t] = add(sums0[t], multiply(weights0, in));
      sums1[t] = add(sums1[t], multiply(weights1, in));
    }
  }
  for (int t = 0; t < 4; t++) {
    y[t * step] = sum(sums0[t]);
    y[t * step + 1] = sum(sums1[t]);
  }
}

/* `room` is for two rows. */
inlined void product(unpack_block unpack, int bytes, const byte *w, int stride, const float *x,
                     float *y, int rows, int columns, int n, float *room) {
  int tiled = rows % 2 ? 0 : n - n % 4;  /* vectors that are multiplied by four at a time */
  for (int r = 0; r < rows; r++, w += stride) {
    if (tiled) unpack_row(unpack, bytes, w, room + r % 2 * columns, columns);
    for (int t = 0; t < tiled && r % 2; t += 4)
      two_rows_times_four(room, x + t * columns, y + t * rows + r - 1, columns, rows);
    for (int t = tiled; t < n; t++)
      y[t * rows + r] = row_times(unpack, bytes, w, x + t * columns, columns);
  }
}

/* Where the memory that this code does not use itself begins. */
extern byte __heap_base;
const byte *memory_start(void) { return &__heap_base; }

#define DEFINE(format, bytes)                                                                     \
  void multiply_##format(const byte *w, int stride, const float *x, float *y, int rows,           \
                         int columns, int n, float *room) {                                       \
    product(unpack_##format, bytes, w, stride, x, y, rows, columns, n, room);                     \
  }                                                                                               \
  void unpack_row_##format(const byte *w, float *y, int columns) {                                \
    unpack_row(unpack_##format, bytes, w, y, columns);                                            \
  }

DEFINE(F32, 128)
DEFINE(F16, 64)
DEFINE(Q4_0, 18)
DEFINE(Q4_1, 20)
DEFINE(Q8_0, 34)
