export { getProjects } from './getProjects';
export { getTags } from './getTags';
export { getWorkflows } from './getWorkflows';
