import { demo } from './demo/demo.mjs';

await demo();
