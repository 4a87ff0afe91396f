/* $title: the self-test of student.h. A program that does not call it need not be built with this file. */
#include "student.h"

#define TESTS $tests

/* What ONNX Runtime gives for the frames that draw() makes of 1, 2, ... */
static const float expected[TESTS][STUDENT_ACTIONS] = {
$expected
};

/* Runs of 1 to 16 equal bytes from a linear congruential generator: no game, but work for every layer. */
static void draw(uint32_t state, uint8_t frames[STUDENT_FRAMES_BYTES])
{
    int i = 0, left;

    while (i < STUDENT_FRAMES_BYTES) {
        state = state * UINT32_C(1664525) + UINT32_C(1013904223);
        for (left = (int)(state >> 16 & 15u); left >= 0 && i < STUDENT_FRAMES_BYTES; left--)
            frames[i++] = (uint8_t)(state >> 24);
    }
}

int student_selftest(void)
{
    static uint8_t frames[STUDENT_FRAMES_BYTES];
    float logits[STUDENT_ACTIONS];
    int test, i;

    for (test = 0; test < TESTS; test++) {
        draw((uint32_t)test + 1u, frames);
        student_act(frames, logits);
        for (i = 0; i < STUDENT_ACTIONS; i++)
            if (logits[i] != expected[test][i])
                return test + 1;
    }
    return 0;
}
