$ErrorActionPreference = "Stop"
$env:PYTHONUTF8 = "1"            # 1
$env:PYTHONIOENCODING = "utf-8"
$SD = "C:\training\sd-scripts"
$ANN = "C:\training\my_style"
$PY = "$SD\venv\Scripts\python.exe"
$CKPT = "C:\training\models\checkpoints\prefectPonyXL_v6.safetensors"

Set-Location $SD

& $PY -m accelerate.commands.launch `
  --config_file "$ANN\accelerate_config.yaml" `
  --num_cpu_threads_per_process 2 `
  "$SD\sdxl_train_network.py" `
  --pretrained_model_name_or_path "$CKPT" `
  --dataset_config "$ANN\dataset_config.toml" `
  --output_dir "$ANN\output" `
  --output_name "my_lora_v1" `
  --save_model_as safetensors `
  --network_module networks.lora `
  --network_dim 16 `
  --network_alpha 8 `
  --network_train_unet_only `
  --cache_text_encoder_outputs `
  --learning_rate 1e-4 `
  --unet_lr 1e-4 `
  --optimizer_type AdamW8bit `
  --lr_scheduler cosine `
  --lr_warmup_steps 0 `
  --train_batch_size 1 `
  --max_train_epochs 10 `
  --mixed_precision bf16 `
  --save_precision fp16 `
  --gradient_checkpointing `
  --cache_latents `
  --cache_latents_to_disk `
  --no_half_vae `
  --sdpa `
  --seed 42 `
  --save_every_n_epochs 1 `
  --max_data_loader_n_workers 1 `
  --persistent_data_loader_workers `
  --min_snr_gamma 5 `
  --logging_dir "$ANN\logs"

Write-Host "`n=== $ANN\output\ ===" -ForegroundColor Green
