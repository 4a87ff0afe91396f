/* On a computer: the self-test, the logits of empty frames, and how long a decision takes. */
#include <stdio.h>
#include <time.h>

#include "student.h"

enum { DECISIONS = 1000 };

static const uint8_t frames[STUDENT_FRAMES_BYTES];

int main(void)
{
    float logits[STUDENT_ACTIONS];
    const int failed = student_selftest();
    clock_t began;
    int i;

    /* 0, or the number of the first test that gave other logits. */
    printf("self-test: %d\n", failed);
    began = clock();
    for (i = 0; i < DECISIONS; i++)
        student_act(frames, logits);
    began = clock() - began;
    printf("logits:");
    for (i = 0; i < STUDENT_ACTIONS; i++)
        printf(" %.9g", (double)logits[i]);
    printf("\nmicroseconds a decision: %.1f\n", 1e6 * (double)began / CLOCKS_PER_SEC / DECISIONS);
    return failed != 0;
}
