/* $title. See student.h. */
#include "student.h"

#include <string.h>

/* Cortex-M4, M7, M33 with DSP: two products an instruction. With NEON the compiler's own loops are faster. */
#if defined(__ARM_FEATURE_SIMD32) && !defined(__ARM_NEON) && !defined(STUDENT_PLAIN_C)
#include <arm_acle.h>
#define STUDENT_SIMD32 1

/* Four bytes in one unaligned load. */
static inline uint32_t four(const void *bytes)
{
    uint32_t word;

    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}

/* The products of four inputs, of even and odd index, with four weights. */
static inline int32_t four_products(int16x2_t even_in, int16x2_t odd_in, uint32_t weights, int32_t sum)
{
    sum = __smlad(even_in, __sxtb16((int8x4_t)weights), sum);
    return __smlad(odd_in, __sxtb16((int8x4_t)(weights >> 8)), sum);
}
#endif

/* Weights [filter][row][column][channel] or [unit][input]; the sum of products and bias, times scale, is the output.
 * Filters and units are filled up with zeros to a multiple of four. */
$tables

static uint8_t even[$even], odd[$odd]; /* outputs of every other layer */
static int32_t sums[$sums];

/* sums[j] += in[0] * weight[j][0] + ... + in[n - 1] * weight[j][n - 1], for four filters j that lie `apart` weights apart:
 * each input is read once for all of them. */
static void add_products(const uint8_t *in, const int8_t *weight, int apart, int n, int32_t sums[4])
{
    const int8_t *w0 = weight, *w1 = w0 + apart, *w2 = w1 + apart, *w3 = w2 + apart;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    int i = 0;

#ifdef STUDENT_SIMD32
    for (; i + 4 <= n; i += 4) {
        const int16x2_t even_in = (int16x2_t)__uxtb16(four(in + i)), odd_in = (int16x2_t)__uxtb16(four(in + i) >> 8);
        s0 = four_products(even_in, odd_in, four(w0 + i), s0);
        s1 = four_products(even_in, odd_in, four(w1 + i), s1);
        s2 = four_products(even_in, odd_in, four(w2 + i), s2);
        s3 = four_products(even_in, odd_in, four(w3 + i), s3);
    }
#endif
    for (; i < n; i++) {
        s0 += in[i] * w0[i];
        s1 += in[i] * w1[i];
        s2 += in[i] * w2[i];
        s3 += in[i] * w3[i];
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

/* ReLU, then sum * scale rounded to the nearest whole number, of two equally near to the even one, at most 255.
 *
 * The product is rounded in its bits, since rint() would ask for a maths library, and since a compiler may fuse a float
 * addition with the product, which rounds otherwise. */
static uint8_t to_byte(int32_t sum, float scale)
{
    float value;
    uint32_t bits, mantissa, whole, rest, half;
    int shift;

    if (sum <= 0)
        return 0;
    value = (float)sum * scale;
    memcpy(&bits, &value, sizeof bits);
    if (bits >= 0x437f0000u) /* 255.0f */
        return 255;
    if (bits < 0x3f000000u) /* 0.5f */
        return 0;
    shift = 150 - (int)(bits >> 23); /* value = mantissa / 2^shift; 16 to 24 */
    mantissa = (bits & 0x007fffffu) | 0x00800000u;
    whole = mantissa >> shift;
    half = 1u << (shift - 1);
    rest = mantissa & (2 * half - 1);
    return (uint8_t)(whole + (rest > half || (rest == half && (whole & 1))));
}

/* in [side][side][channels] -> out [side'][side'][filters], without padding. */
static void convolve(const uint8_t *in, int side, int channels, const int8_t *weight, const int32_t *bias,
                     const float *scale, int kernel, int stride, int filters, uint8_t *out)
{
    const int line = side * channels, row = kernel * channels, apart = kernel * row;
    int y, x, filter, i;

    for (y = 0; y + kernel <= side; y += stride) {
        for (x = 0; x + kernel <= side; x += stride) {
            const uint8_t *corner = in + y * line + x * channels;
            for (filter = 0; filter < filters; filter += 4) {
                int32_t sums[4];
                memcpy(sums, bias + filter, sizeof sums);
                for (i = 0; i < kernel; i++)
                    add_products(corner + i * line, weight + filter * apart + i * row, apart, row, sums);
                for (i = filter; i < filters && i < filter + 4; i++)
                    *out++ = to_byte(sums[i - filter], scale[i]);
            }
        }
    }
}

/* in [inputs] -> sums [units, or up to 3 more] */
static void connect(const uint8_t *in, int inputs, const int8_t *weight, const int32_t *bias, int units, int32_t *sums)
{
    int unit;

    for (unit = 0; unit < units; unit += 4) {
        memcpy(sums + unit, bias + unit, 4 * sizeof *sums);
        add_products(in, weight + unit * inputs, inputs, inputs, sums + unit);
    }
}

void student_act(const uint8_t frames[STUDENT_FRAMES_BYTES], float logits[STUDENT_ACTIONS])
{
    int i;

$calls
}
