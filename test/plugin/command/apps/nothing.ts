export const app = {}
export default {}
