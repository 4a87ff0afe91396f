/* $title. See student.h. */
#include "student.h"

#include <string.h>

/* Cortex-M4, M7, M33 with DSP, and 32-bit ARM from version 6 on: two products an instruction. */
#if defined(__ARM_FEATURE_SIMD32) && !defined(STUDENT_PLAIN_C)
#include <arm_acle.h>
#define STUDENT_SIMD32 1

/* Four bytes in one unaligned load. */
static inline uint32_t four(const void *bytes)
{
    uint32_t word;

    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}

/* Bytes 1 and 3 of four; the intrinsics only know 0 and 2. */
static inline int16x2_t odd_inputs(uint32_t word)
{
    int16x2_t pair;

    __asm__("uxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

static inline int16x2_t odd_weights(uint32_t word)
{
    int16x2_t pair;

    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

/* sum and the products of four inputs, of even and odd index, with four weights. */
static inline int32_t add_four(int16x2_t even_in, int16x2_t odd_in, const int8_t *weight, int32_t sum)
{
    const uint32_t word = four(weight);

    sum = __smlad(even_in, __sxtb16((int8x4_t)word), sum);
    return __smlad(odd_in, odd_weights(word), sum);
}
#endif

/* Weights in the order in which they are read: for every four filters or units, for every line of a filter, for every
 * four inputs: the four weights of the first filter, of the second, of the third, of the fourth. They are filled up with
 * zeros to multiples of four. Where a filter sees one channel alone, it is simply filter by filter. The sum of products and bias, times scale, is the output. */
$tables

static uint8_t $buffers; /* outputs of every other layer, and 3 bytes that meet zeros */
static int32_t sums[$sums];

/* Add to the sums of four filters their products with 4 * fours inputs; the weights that follow. */
static const int8_t *add_products(const uint8_t *in, int fours, const int8_t *weight, int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];

    for (; fours > 0; fours--, in += 4, weight += 16) {
#ifdef STUDENT_SIMD32
        const int16x2_t even_in = (int16x2_t)__uxtb16(four(in)), odd_in = odd_inputs(four(in));
        s0 = add_four(even_in, odd_in, weight, s0);
        s1 = add_four(even_in, odd_in, weight + 4, s1);
        s2 = add_four(even_in, odd_in, weight + 8, s2);
        s3 = add_four(even_in, odd_in, weight + 12, s3);
#else
        s0 += in[0] * weight[0] + in[1] * weight[1] + in[2] * weight[2] + in[3] * weight[3];
        s1 += in[0] * weight[4] + in[1] * weight[5] + in[2] * weight[6] + in[3] * weight[7];
        s2 += in[0] * weight[8] + in[1] * weight[9] + in[2] * weight[10] + in[3] * weight[11];
        s3 += in[0] * weight[12] + in[1] * weight[13] + in[2] * weight[14] + in[3] * weight[15];
#endif
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
    return weight;
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
    const int line = side * channels, fours = (kernel * channels + 3) / 4;
    int y, x, filter, i;

    for (y = 0; y + kernel <= side; y += stride) {
        for (x = 0; x + kernel <= side; x += stride) {
            const uint8_t *corner = in + y * line + x * channels;
            const int8_t *next = weight;
            for (filter = 0; filter < filters; filter += 4) {
                int32_t sums[4];
                memcpy(sums, bias + filter, sizeof sums);
                for (i = 0; i < kernel; i++)
                    next = add_products(corner + i * line, fours, next, sums);
                for (i = filter; i < filters && i < filter + 4; i++)
                    *out++ = to_byte(sums[i - filter], scale[i]);
            }
        }
    }
}

$depthwise/* in [inputs] -> sums [units, or up to 3 more] */
static void connect(const uint8_t *in, int inputs, const int8_t *weight, const int32_t *bias, int units, int32_t *sums)
{
    int unit;

    for (unit = 0; unit < units; unit += 4) {
        memcpy(sums + unit, bias + unit, 4 * sizeof *sums);
        weight = add_products(in, (inputs + 3) / 4, weight, sums + unit);
    }
}

void student_act(const uint8_t frames[STUDENT_FRAMES_BYTES], float logits[STUDENT_ACTIONS])
{
    int i;

$calls
}
