/* in [side][side][channels] -> out [side'][side'][channels], without padding: a filter for each channel, its weights line
 * by line. */
static void convolve_channels(const uint8_t *in, int side, int channels, const int8_t *weight, const int32_t *bias,
                              const float *scale, int kernel, int stride, uint8_t *out)
{
    const int line = side * channels;
    int y, x, channel, i, j;

    for (y = 0; y + kernel <= side; y += stride) {
        for (x = 0; x + kernel <= side; x += stride) {
            const int8_t *next = weight;
            for (channel = 0; channel < channels; channel++) {
                const uint8_t *corner = in + y * line + x * channels + channel;
                int32_t sum = bias[channel];
                for (i = 0; i < kernel; i++)
                    for (j = 0; j < kernel; j++)
                        sum += corner[i * line + j * channels] * *next++;
                *out++ = to_byte(sum, scale[channel]);
            }
        }
    }
}

