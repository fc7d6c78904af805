export { ExistingTarget } from './existingTarget';
export { Progress } from './progress';
