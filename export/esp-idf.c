/* The student on ESP-IDF: it tests itself and says how long a decision takes. */
#include <stdio.h>

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "student.h"

static uint8_t frames[STUDENT_FRAMES_BYTES]; /* yours to fill, as student.h says */

void app_main(void)
{
    float logits[STUDENT_ACTIONS];
    int i, best;

    /* 0, or the number of the first test that gave other logits. */
    printf("self-test: %d\n", student_selftest());
    for (;;) {
        const int64_t began = esp_timer_get_time();

        student_act(frames, logits);
        for (best = 0, i = 1; i < STUDENT_ACTIONS; i++)
            if (logits[i] > logits[best])
                best = i;
        printf("action %d, microseconds %d\n", best, (int)(esp_timer_get_time() - began));
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
