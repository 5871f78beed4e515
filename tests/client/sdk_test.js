// Drives a running reference homeserver through matrix-js-sdk: node sdk_test.js http://127.0.0.1:PORT [PROCESS...]
// Where several processes are behind that address, these are their own.

import { entrySteps, exitSteps } from "./account_steps.js";
import { dataSteps } from "./data_steps.js";
import { meetingSteps, partingSteps } from "./room_steps.js";

const steps = [...entrySteps, ...meetingSteps, ...dataSteps, ...partingSteps, ...exitSteps];

const [server, ...processes] = process.argv.slice(2);
const tour = { server, each: processes.length > 0 ? processes : [server] };
for (const [sentence, step] of steps) {
    try {
        await step(tour);
    } catch (error) {
        console.log(`FAILED  ${sentence}\n${error.stack}`);
        process.exit(1);
    }
    console.log(`ok      ${sentence}`);
}
process.exit(0); // the SDK keeps timers
