export { copyIn } from './copyIn';
export { load, type Loaded } from './load';
