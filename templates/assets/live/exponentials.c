/* What needs e^x for many numbers: the softmax of attention, and the MLP's gate. */
#include <wasm_simd128.h>

typedef v128_t floats;  /* four of them */
enum { LANES = 4 };

#define inlined static inline __attribute__((always_inline))
#define load wasm_v128_load
#define store wasm_v128_store
#define add wasm_f32x4_add
#define multiply wasm_f32x4_mul
#define splat wasm_f32x4_splat

/* e^x, to the last bit or the one before; 0 below -87, and at most e^88.

   x = n log 2 + r, so e^x = 2^n e^r; a polynomial is e^r for |r| up to half of log 2
   (Cephes, expf, by S. Moshier). */
inlined floats exponential(floats x) {
  v128_t is_zero = wasm_f32x4_lt(x, splat(-87.0f));
  x = wasm_f32x4_pmin(splat(88.0f), wasm_f32x4_pmax(splat(-87.0f), x));
  floats n = wasm_f32x4_nearest(multiply(x, splat(1.44269504f)));
  floats r = add(x, multiply(n, splat(-0.693359375f)));
  r = add(r, multiply(n, splat(2.12194440e-4f)));
  const float factors[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                           1.6666665459e-1f, 5.0000001201e-1f};
  floats sum = splat(1.9875691500e-4f);
  for (int i = 0; i < 5; i++) sum = add(multiply(sum, r), splat(factors[i]));
  sum = add(add(multiply(multiply(sum, r), r), r), splat(1));
  v128_t power = wasm_i32x4_shl(wasm_i32x4_trunc_sat_f32x4(n), 23);
  return wasm_v128_andnot(wasm_i32x4_add(sum, power), is_zero);
}

inlined float sum_of(floats v) {
  return (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1)) +
         (wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3));
}

inlined float most_of(floats v) {
  v = wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2)), 0);
}

/* Softmax in place of the first `seen` of `columns` scores times `scale`; the others become 0.
   `columns` is a multiple of 4. */
static void softmax_row(float *scores, int columns, int seen, float scale) {
  int end = (seen + LANES - 1) / LANES * LANES;
  for (int i = seen; i < columns; i++) scores[i] = -__builtin_inff();
  floats most = load(scores);
  for (int i = LANES; i < end; i += LANES) most = wasm_f32x4_pmax(most, load(scores + i));
  floats top = splat(most_of(most)), sums = splat(0);
  for (int i = 0; i < end; i += LANES) {
    floats share = exponential(multiply(wasm_f32x4_sub(load(scores + i), top), splat(scale)));
    store(scores + i, share);
    sums = add(sums, share);
  }
  floats sum = splat(sum_of(sums));
  for (int i = 0; i < end; i += LANES) store(scores + i, wasm_f32x4_div(load(scores + i), sum));
  for (int i = end; i < columns; i += LANES) store(scores + i, splat(0));
}

/* Causal softmax of the scores of `rows` queries: `group` for each token, from position `start`. */
void softmax(float *scores, int rows, int columns, int group, int start, float scale) {
  for (int row = 0; row < rows; row++)
    softmax_row(scores + row * columns, columns, start + row / group + 1, scale);
}

/* silu(gate) * up, in place of `up`; `count` is a multiple of 4. */
void gate_by_silu(const float *gate, float *up, int count) {
  for (int i = 0; i < count; i += LANES) {
    floats g = load(gate + i);
    floats divisor = add(splat(1), exponential(wasm_f32x4_neg(g)));
    store(up + i, multiply(load(up + i), wasm_f32x4_div(g, divisor)));
  }
}
