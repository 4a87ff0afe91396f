/*
 * $title
 *
$facts
 *
 * Build: cc -std=c99 -O2 -c student.c
 * Flash: $flash bytes of const tables, and some 1,000 of code. RAM: $scratch bytes of static scratch buffers, below 500 of
 * stack, and the $frames bytes of frames, which are yours. Since the buffers are static, calls must not overlap, be it from
 * an interrupt or a second thread. Nothing is allocated; of a C library only memcpy may be called.
 */
#ifndef STUDENT_H
#define STUDENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STUDENT_SIDE 84   /* pixels: width and height of a frame */
#define STUDENT_STACK 4   /* frames that a decision sees */
#define STUDENT_FRAMES_BYTES (STUDENT_SIDE * STUDENT_SIDE * STUDENT_STACK)
#define STUDENT_ACTIONS $count

/* Actions by index, under the names that the Arcade Learning Environment gives them. */
enum student_action {
$actions
};

/*
 * One decision, due every 4 frames of the console (15 a second).
 *
 * frames: [84][84][4], row, column, time: gray 0 to 255, the newest frame at [row][column][3]. Each of the four is the
 *     pixelwise maximum of the last two of 4 console frames, in luminance, area-resized to 84 x 84.
 * logits: one for each action, without unit; the largest is the action to play (the first of equal ones).
 *
 * When a new frame comes, the three others move up; on a little-endian machine, with the four bytes of a pixel as one
 * uint32_t: pixel = pixel >> 8 | (uint32_t)newest << 24. At the start of a game all older frames are black.
 *
 * The logits are bit by bit those that ONNX Runtime gives for the same frames.
 */
void student_act(const uint8_t frames[STUDENT_FRAMES_BYTES], float logits[STUDENT_ACTIONS]);

/*
 * Whether this machine computes what it should: 0, or the number (from 1) of the first test whose logits are not, bit by
 * bit, those of ONNX Runtime. It is in student_selftest.c, and keeps STUDENT_FRAMES_BYTES of its own where it is linked.
 */
int student_selftest(void);

#ifdef __cplusplus
}
#endif

#endif
