// A viewer as the page mounts it: one state per element; what is given back runs again on new data or another theme.
export function mounted(create, receive, leave = () => {}) {
  const states = new WeakMap();
  return ({ data, parentElement }) => {
    const state = states.get(parentElement) ?? create(parentElement);
    states.set(parentElement, state);
    receive(state, data);
    return () => {
      state.observer.disconnect();
      leave(state);
      states.delete(parentElement);
    };
  };
}
