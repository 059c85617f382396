{
  "targets": [
    {
      "target_name": "cameo",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(PRODUCT_DIR)/cameo.node"],
          "action": ["node", "native/build.mjs"]
        }
      ]
    }
  ]
}
