/* A Cortex-M4 without any C library, in QEMU (-M mps2-an386): frames.bin in, logits.bin out, both files of the host, by
 * semihosting. Each decision is taken REPEATS times, so that its own instructions can be told. Behind the logits come 4
 * bytes: the deepest that the stack has been. */
#include "student.h"

#ifndef REPEATS
#define REPEATS 1
#endif
enum { SYS_OPEN = 1, SYS_CLOSE = 2, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT = 0x18, READ_BINARY = 1, WRITE_BINARY = 5 };
#define UNUSED_STACK 0xa5a5a5a5u

extern uint32_t data_in_flash[], data_start[], data_end[], bss_start[], bss_end[], stack_end[], stack_top[];
void reset(void);
int main(void);

__attribute__((section(".vectors"), used)) static void *const vectors[2] = {stack_top, (void *)reset};

static int host(int operation, const void *arguments)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int on_file(int operation, int file, void *bytes, uint32_t size)
{
    const uint32_t arguments[3] = {(uint32_t)file, (uint32_t)bytes, size};

    return host(operation, arguments);
}

static int open_file(const char *name, uint32_t mode, uint32_t length)
{
    const uint32_t arguments[3] = {(uint32_t)name, mode, length};

    return host(SYS_OPEN, arguments);
}

/* The compiler may call it for copies that it does not unfold. */
__attribute__((used)) void *memcpy(void *to, const void *from, __SIZE_TYPE__ size)
{
    uint8_t *out = to;
    const uint8_t *in = from;

    while (size--)
        *out++ = *in++;
    return to;
}

void reset(void)
{
    uint32_t *from = data_in_flash, *to;

#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* CPACR: switch the FPU on */
    __asm__ volatile("dsb\n isb");
#endif
    for (to = data_start; to < data_end; )
        *to++ = *from++;
    for (to = bss_start; to < bss_end; )
        *to++ = 0;
    for (to = stack_end; to < (uint32_t *)__builtin_frame_address(0) - 16; )
        *to++ = UNUSED_STACK;
    main();
    host(SYS_EXIT, (const void *)0x20026); /* ADP_Stopped_ApplicationExit */
}

int main(void)
{
    static uint8_t frames[STUDENT_FRAMES_BYTES];
    static float logits[STUDENT_ACTIONS];
    const uint32_t *unused = stack_end;
    uint32_t stack_bytes;
    int in = open_file("frames.bin", READ_BINARY, 10), out = open_file("logits.bin", WRITE_BINARY, 10);

    while (on_file(SYS_READ, in, frames, sizeof frames) == 0) {
        for (int i = 0; i < REPEATS; i++)
            student_act(frames, logits);
        on_file(SYS_WRITE, out, logits, sizeof logits);
    }
    while (*unused == UNUSED_STACK)
        unused++;
    stack_bytes = (uint32_t)stack_top - (uint32_t)unused;
    on_file(SYS_WRITE, out, &stack_bytes, sizeof stack_bytes);
    on_file(SYS_CLOSE, out, 0, 0);
    return 0;
}
