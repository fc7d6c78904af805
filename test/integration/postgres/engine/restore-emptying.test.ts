import { describeEmptying } from './emptying';

describeEmptying(18);
