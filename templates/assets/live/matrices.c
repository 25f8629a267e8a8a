/* y[t][r] = sum over i of W[r][i] * x[t][i], for weights as a GGUF file stores them.

   Blocks of 32 weights are unpacked to exactly the float32 numbers that the format stands for; only
   sums are rounded. `stride` is the number of bytes from one row of W to the next. Columns are a
   multiple of 32, of float32 a multiple of 4. */
#include <wasm_simd128.h>

typedef unsigned char byte;
typedef v128_t floats;  /* four of them */
enum { BLOCK = 32, LANES = 4, PARTS = BLOCK / LANES };
enum { TILE_ROWS = 2 * LANES, TILE_VECTORS = 4, DEPTH = 192 };

#define inlined static inline __attribute__((always_inline))
#define shared static __attribute__((noinline))  /* one copy of the code for all who call it */
#define load wasm_v128_load
#define store wasm_v128_store
#define add wasm_f32x4_add
#define multiply wasm_f32x4_mul
#define splat wasm_f32x4_splat

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

/* Integers as floats. Without the barrier, clang 14 converts them one by one. */
inlined floats to_floats(v128_t integers) {
  __asm__("" : "+r"(integers));
  return wasm_f32x4_convert_i32x4(integers);
}

/* 16 signed bytes as numbers: bytes 4k to 4k + 3 in out[k]. */
inlined void widen(v128_t bytes, floats out[4]) {
  v128_t low = wasm_i16x8_extend_low_i8x16(bytes), high = wasm_i16x8_extend_high_i8x16(bytes);
  out[0] = to_floats(wasm_i32x4_extend_low_i16x8(low));
  out[1] = to_floats(wasm_i32x4_extend_high_i16x8(low));
  out[2] = to_floats(wasm_i32x4_extend_low_i16x8(high));
  out[3] = to_floats(wasm_i32x4_extend_high_i16x8(high));
}

/* A block of 4 bits a weight: 0 to 15 are the low halves of 16 bytes, 16 to 31 the high halves. */
inlined void unpack_halves(const byte *block, float scale, float least, floats out[PARTS]) {
  v128_t halves = load(block);
  widen(wasm_v128_and(halves, wasm_i8x16_splat(15)), out);
  widen(wasm_v128_and(wasm_u16x8_shr(halves, 4), wasm_i8x16_splat(15)), out + 4);
  for (int i = 0; i < PARTS; i++) out[i] = add(multiply(out[i], splat(scale)), splat(least));
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
  floats scale = splat(half(block));
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
    for (int k = 0; k < PARTS; k++) store(out + i + LANES * k, weights[k]);
  }
  for (; i < columns; i += LANES, w += sizeof(floats)) store(out + i, load(w));
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

/* Eight rows side by side: column i of them becomes out[8 i] to out[8 i + 7]. */
shared void interleave(const float *rows, float *out, int columns) {
  for (int r = 0; r < TILE_ROWS; r += LANES)
    for (int i = 0; i < columns; i += LANES) {
      const float *row = rows + r * columns + i;
      float *column = out + i * TILE_ROWS + r;
      floats row0 = load(row), row1 = load(row + columns);
      floats row2 = load(row + 2 * columns), row3 = load(row + 3 * columns);
      floats a = wasm_i32x4_shuffle(row0, row1, 0, 4, 1, 5);
      floats b = wasm_i32x4_shuffle(row2, row3, 0, 4, 1, 5);
      floats c = wasm_i32x4_shuffle(row0, row1, 2, 6, 3, 7);
      floats d = wasm_i32x4_shuffle(row2, row3, 2, 6, 3, 7);
      store(column, wasm_i64x2_shuffle(a, b, 0, 2));
      store(column + TILE_ROWS, wasm_i64x2_shuffle(a, b, 1, 3));
      store(column + 2 * TILE_ROWS, wasm_i64x2_shuffle(c, d, 0, 2));
      store(column + 3 * TILE_ROWS, wasm_i64x2_shuffle(c, d, 1, 3));
    }
}

/* Adds the product of eight rows and `n` vectors to y, or puts it there. */
inlined void tile(const float *rows, const float *x, int x_step, float *y, int y_step, int columns,
                  int n, int is_first) {
  floats low[TILE_VECTORS], high[TILE_VECTORS];
  for (int t = 0; t < n; t++) low[t] = high[t] = splat(0);
  for (int i = 0; i < columns; i++, rows += TILE_ROWS) {
    floats weights0 = load(rows), weights1 = load(rows + LANES);
    for (int t = 0; t < n; t++) {
      floats in = wasm_v128_load32_splat(x + t * x_step + i);
      low[t] = add(low[t], multiply(weights0, in));
      high[t] = add(high[t], multiply(weights1, in));
    }
  }
  for (int t = 0; t < n; t++, y += y_step) {
    store(y, is_first ? low[t] : add(load(y), low[t]));
    store(y + LANES, is_first ? high[t] : add(load(y + LANES), high[t]));
  }
}

/* Eight rows times all vectors, by four; each number that is loaded is used more than once. */
shared void tiles(const float *rows, const float *x, int x_step, float *y, int y_step, int columns,
                  int n, int is_first) {
  for (; n >= TILE_VECTORS; n -= TILE_VECTORS) {
    tile(rows, x, x_step, y, y_step, columns, TILE_VECTORS, is_first);
    x += TILE_VECTORS * x_step;
    y += TILE_VECTORS * y_step;
  }
  for (; n > 0; n--, x += x_step, y += y_step)
    tile(rows, x, x_step, y, y_step, columns, 1, is_first);
}

typedef struct {
  int bytes;  /* of a block */
  void (*unpack_row)(const byte *w, float *out, int columns);
  float (*row_times)(const byte *w, const float *x, int columns);
} format;

/* Eight rows at a time if there are several vectors. `room` is for DEPTH columns of them, twice;
   they stay in the processor's nearest cache. */
shared void product(const format *as, const byte *w, int stride, const float *x, float *y, int rows,
                    int columns, int n, float *room) {
  float *plain = room + DEPTH * TILE_ROWS;
  int r = 0;
  for (; n > 1 && r + TILE_ROWS <= rows; r += TILE_ROWS, w += TILE_ROWS * stride)
    for (int i = 0; i < columns; i += DEPTH) {
      int depth = columns - i < DEPTH ? columns - i : DEPTH;
      const byte *block = w + i / BLOCK * as->bytes;
      for (int k = 0; k < TILE_ROWS; k++)
        as->unpack_row(block + k * stride, plain + k * depth, depth);
      interleave(plain, room, depth);
      tiles(room, x + i, columns, y + r, rows, depth, n, i == 0);
    }
  for (; r < rows; r++, w += stride)
    for (int t = 0; t < n; t++) y[t * rows + r] = as->row_times(w, x + t * columns, columns);
}

/* What `room` has to hold, in bytes. */
int room_size(void) { return 2 * DEPTH * TILE_ROWS * sizeof(float); }

/* Where the memory that this code does not use itself begins. */
extern byte __heap_base;
const byte *memory_start(void) { return &__heap_base; }

#define DEFINE(name, bytes)                                                                       \
  void unpack_row_##name(const byte *w, float *out, int columns) {                                \
    unpack_row(unpack_##name, bytes, w, out, columns);                                            \
  }                                                                                               \
  static float row_times_##name(const byte *w, const float *x, int columns) {                     \
    return row_times(unpack_##name, bytes, w, x, columns);                                        \
  }                                                                                               \
  static const format format_##name = {bytes, unpack_row_##name, row_times_##name};               \
  void multiply_##name(const byte *w, int stride, const float *x, float *y, int rows,             \
                       int columns, int n, float *room) {                                         \
    product(&format_##name, w, stride, x, y, rows, columns, n, room);                             \
  }

DEFINE(F32, 128)
DEFINE(F16, 64)
DEFINE(Q4_0, 18)
DEFINE(Q4_1, 20)
DEFINE(Q8_0, 34)
