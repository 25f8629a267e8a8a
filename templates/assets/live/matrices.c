/* y[t][r] = sum over i of W[r][i] * x[t][i], for weights as a GGUF file stores them.

   A block of 32 weights is unpacked into registers, to exactly the float32 numbers that the format
   stands for, and multiplied with up to four vectors. Only sums are rounded. `stride` is the number
   of bytes from one row of W to the next; columns are a multiple of 32, of floats a multiple of 4. */
#include <wasm_simd128.h>

typedef unsigned char byte;
typedef v128_t floats;  /* four of them */
enum { BLOCK = 32, LANES = 4, PARTS = BLOCK / LANES, MOST_VECTORS = 4 };

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

/* 16 signed bytes, times the scale. */
inlined void widen(v128_t bytes, floats scale, floats out[4]) {
  v128_t low = wasm_i16x8_extend_low_i8x16(bytes), high = wasm_i16x8_extend_high_i8x16(bytes);
  out[0] = multiply(to_floats(wasm_i32x4_extend_low_i16x8(low)), scale);
  out[1] = multiply(to_floats(wasm_i32x4_extend_high_i16x8(low)), scale);
  out[2] = multiply(to_floats(wasm_i32x4_extend_low_i16x8(high)), scale);
  out[3] = multiply(to_floats(wasm_i32x4_extend_high_i16x8(high)), scale);
}

/* The formats: each unpacks one block. Those of 4 bits have weights 0 to 15 in the low halves of
   16 bytes, and weights 16 to 31 in the high halves. */
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
  floats scale = splat(half(block));
  widen(load(block + 2), scale, out);
  widen(load(block + 18), scale, out + 4);
}

inlined void unpack_Q4_0(const byte *block, floats out[PARTS]) {
  floats scale = splat(half(block));
  v128_t halves = load(block + 2), eight = wasm_i8x16_splat(8);
  widen(wasm_i8x16_sub(wasm_v128_and(halves, wasm_i8x16_splat(15)), eight), scale, out);
  widen(wasm_i8x16_sub(wasm_u8x16_shr(halves, 4), eight), scale, out + 4);
}

inlined void unpack_Q4_1(const byte *block, floats out[PARTS]) {
  floats scale = splat(half(block)), least = splat(half(block + 2));
  v128_t halves = load(block + 4);
  widen(wasm_v128_and(halves, wasm_i8x16_splat(15)), scale, out);
  widen(wasm_u8x16_shr(halves, 4), scale, out + 4);
  for (int i = 0; i < PARTS; i++) out[i] = add(out[i], least);
}

/* One row of W with `vectors` vectors; `unpack` and `vectors` are known when this is compiled. */
inlined void multiply_row(void unpack(const byte *, floats *), int bytes, const byte *w,
                          const float *x, float *y, int rows, int columns, const int vectors) {
  floats sums[MOST_VECTORS], weights[PARTS];
  for (int t = 0; t < vectors; t++) sums[t] = splat(0);
  int i = 0;
  for (; i + BLOCK <= columns; i += BLOCK, w += bytes) {
    unpack(w, weights);
    for (int t = 0; t < vectors; t++) {
      const float *in = x + t * columns + i;
      floats even = multiply(weights[0], load(in)), odd = multiply(weights[1], load(in + 4));
      for (int k = 2; k < PARTS; k += 2) {
        even = add(even, multiply(weights[k], load(in + 4 * k)));
        odd = add(odd, multiply(weights[k + 1], load(in + 4 * k + 4)));
      }
      sums[t] = add(sums[t], add(even, odd));
    }
  }
  for (; i < columns; i += LANES, w += LANES * sizeof(float))  /* only of F32 */
    for (int t = 0; t < vectors; t++)
      sums[t] = add(sums[t], multiply(load(w), load(x + t * columns + i)));
  for (int t = 0; t < vectors; t++) y[t * rows] = sum(sums[t]);
}

/* Where the memory that this code does not use itself begins. */
extern byte __heap_base;
const byte *memory_start(void) { return &__heap_base; }

#define DEFINE(format, bytes)                                                                     \
  void multiply_##format(const byte *w, int stride, const float *x, float *y, int rows,           \
                         int columns, int n) {                                                    \
    for (int r = 0; r < rows; r++, w += stride) {                                                 \
      int t = 0;                                                                                  \
      for (; t + MOST_VECTORS <= n; t += MOST_VECTORS)                                            \
        multiply_row(unpack_##format, bytes, w, x + t * columns, y + t * rows + r, rows, columns, \
                     MOST_VECTORS);                                                               \
      for (; t < n; t++)                                                                          \
        multiply_row(unpack_##format, bytes, w, x + t * columns, y + t * rows + r, rows, columns, \
                     1);                                                                          \
    }                                                                                             \
  }                                                                                               \
  void unpack_row_##format(const byte *w, float *y, int columns) {                                \
    floats weights[PARTS];                                                                        \
    for (int i = 0; i < columns; i += BLOCK, w += bytes, y += BLOCK) {                            \
      unpack_##format(w, weights);                                                                \
      for (int k = 0; k < PARTS; k++) wasm_v128_store(y + LANES * k, weights[k]);                 \
    }                                                                                             \
  }

DEFINE(F32, 128)
DEFINE(F16, 64)
DEFINE(Q4_0, 18)
DEFINE(Q4_1, 20)
DEFINE(Q8_0, 34)
