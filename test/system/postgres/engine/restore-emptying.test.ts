import { describeEmptying } from '../../../integration/postgres/engine/emptying';

describeEmptying(15);
