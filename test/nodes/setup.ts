import { builtPackage } from '../services/built-package';

export default builtPackage;
