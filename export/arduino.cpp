// The student on an Arduino core, with PlatformIO: it tests itself and says how long a decision takes.
#include <Arduino.h>

#include "../student.h"

static uint8_t frames[STUDENT_FRAMES_BYTES];  // yours to fill, as student.h says

void setup()
{
    Serial.begin(115200);
    const int failed = student_selftest();
    Serial.print("self-test: ");
    Serial.println(failed);  // 0, or the number of the first test that gave other logits
}

void loop()
{
    float logits[STUDENT_ACTIONS];
    const unsigned long began = micros();

    student_act(frames, logits);
    int best = 0;
    for (int i = 1; i < STUDENT_ACTIONS; i++)
        if (logits[i] > logits[best])
            best = i;
    Serial.print("action ");
    Serial.print(best);
    Serial.print(", microseconds ");
    Serial.println(micros() - began);
    delay(1000);
}
