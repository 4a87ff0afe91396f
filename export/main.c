/* The least program around a student: it tests itself, then decides. next_frames() and press() are yours to fill in. */
#include "student.h"

static uint8_t frames[STUDENT_FRAMES_BYTES];

/* Wait for a new frame and put the four newest in place, as student.h says; 0 ends the program. */
static int next_frames(uint8_t four[STUDENT_FRAMES_BYTES])
{
    (void)four;
    return 0;
}

static void press(enum student_action action)
{
    (void)action;
}

int main(void)
{
    float logits[STUDENT_ACTIONS];
    int i, best;

    /* This board computes something else than the machine that made the student: compiler flags? */
    if (student_selftest() != 0)
        return 1;
    while (next_frames(frames)) {
        student_act(frames, logits);
        for (best = 0, i = 1; i < STUDENT_ACTIONS; i++)
            if (logits[i] > logits[best])
                best = i;
        press((enum student_action)best);
    }
    return 0;
}
